import { type NdArray, type StateDict, type StateEntry, sizeOf, takeState } from "@repvgg/core";
import { type Panels, PIECE_WORDS } from "./arrangement.ts";
import { PANEL } from "./layouts.ts";
import type { ParameterLayout, Slot } from "./parameters.ts";
import { type PlacedProgram, Program } from "./program.ts";

/** The memory of a network, and what runs programs over it. */
export interface ParameterMemory {
  readonly floats: Float32Array;
  run(program: PlacedProgram): void;
}

/**
 * Puts an array in HWIO order into its slot, `offset` bytes on.
 *
 * @returns Whether all of it is finite, which is seen on the way; undefined where nobody looked.
 */
export function writeSlot(
  memory: ParameterMemory,
  { loading }: ParameterLayout,
  { address, panels }: Slot,
  { data }: NdArray,
  offset = 0,
): boolean | undefined {
  const target = address + offset;
  if (!panels) {
    memory.floats.set(data, target / 4);
    return undefined;
  }
  const { taps, inputs, outputs, perTap, perInput } = panels;
  const words = new Int32Array(memory.floats.buffer);
  const pieces = panels.pieces();
  const count = pieces.length / PIECE_WORDS;
  words.set(pieces, loading.pieces / 4);
  const special = words.subarray(loading.special / 4, loading.special / 4 + count * PANEL).fill(0);
  const together = Math.floor(loading.stagingFloats / outputs);
  for (let firstRow = 0; firstRow < taps * inputs; firstRow += together) {
    const rows = Math.min(together, taps * inputs - firstRow);
    memory.floats.set(data.subarray(firstRow * outputs, (firstRow + rows) * outputs), loading.staging / 4);
    const program = new Program();
    program.add("arrangeRows", count, {
      source: loading.staging,
      rowBytes: outputs * 4,
      firstRow,
      rows,
      inputs,
      pieces: loading.pieces,
      target,
      tapBytes: perTap * 4,
      inputBytes: perInput * 4,
      special: loading.special,
    });
    words.set(program.encode(0, 0), loading.record / 4);
    memory.run({ program, address: loading.record, calls: 1 });
  }
  return special.every((word) => word >= 0);
}

/** Gathers a slot back into an array in HWIO order. */
export function readSlot(floats: Float32Array, { entry, address, panels }: Slot, offset = 0): NdArray {
  const { shape } = entry;
  const start = (address + offset) / 4;
  if (!panels) return { shape, data: floats.slice(start, start + sizeOf(shape)) };
  const data = new Float32Array(sizeOf(shape));
  const pieces = panels.pieces();
  for (let i = 0; i < pieces.length; i += PIECE_WORDS) {
    gather(panels, floats, start + pieces[i + 2]!, data, pieces[i]!, pieces[i + 1]!);
  }
  return { shape, data };
}

/** Copies one piece of every row. A network has millions of weights, in pieces too short for `set()`: only plain loops are fast. */
function gather(
  { taps, inputs, outputs, perTap, perInput }: Panels,
  floats: Float32Array,
  start: number,
  target: Float32Array,
  first: number,
  length: number,
): void {
  let write = first;
  for (let tap = 0; tap < taps; tap++) {
    let read = start + tap * perTap;
    for (let input = 0; input < inputs; input++) {
      for (let i = 0; i < length; i++) target[write + i] = floats[read + i]!;
      read += perInput;
      write += outputs;
    }
  }
}

/**
 * Writes all of a state that has a slot, each array made or read once, the largest first: then the memory for the others, which nobody
 * has written to yet, takes none. The caller has checked names and shapes.
 *
 * @returns What has no slot: counters, and auxiliary classifiers of a network that only infers.
 * @throws {RepvggError} `E_STATE`: values cannot be used.
 */
export function writeState(
  memory: ParameterMemory,
  layout: ParameterLayout,
  entries: readonly StateEntry[],
  state: ReadonlyMap<string, NdArray>,
): StateDict {
  const rest: StateDict = new Map();
  const largestFirst = entries.toSorted((a, b) => sizeOf(b.shape) - sizeOf(a.shape));
  takeState(largestFirst, state, ({ name }, array) => {
    const slot = layout.slots.get(name);
    if (slot) return writeSlot(memory, layout, slot, array);
    rest.set(name, array);
    return undefined;
  });
  return rest;
}
