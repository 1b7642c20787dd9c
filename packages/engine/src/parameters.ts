import {
  type BlockPlan,
  isBranchKernel,
  type NdArray,
  type StateDict,
  type StateEntry,
  sizeOf,
  takeState,
} from "@repvgg/core";
import { kernelGroups } from "./channel-groups.ts";
import { PANEL, panelled } from "./layouts.ts";
import type { MemoryPlan } from "./memory-plan.ts";
import { storedInputChannels, usesWinograd } from "./network-buffers.ts";

/** Where an entry of the state dict lies in the engine's memory, and in which order. */
export interface Slot {
  readonly entry: StateEntry;
  readonly address: number;
  /** Floats, padding included. */
  readonly length: number;
  /** How the entry's array (HWIO order) lies in the slot. */
  readonly pieces: readonly Pieces[];
}

/**
 * Pieces of `length` floats that follow each other both in the array and in the slot, in a grid of `taps` by `inputs`, whose steps
 * are regular on both sides.
 */
interface Pieces {
  readonly length: number;
  readonly taps: number;
  readonly inputs: number;
  readonly inArray: Steps;
  readonly inSlot: Steps;
}

/** Floats from the start to the first piece, and from one to the next. */
interface Steps {
  readonly first: number;
  readonly perTap: number;
  readonly perInput: number;
}

/** A region of floats. */
export interface Range {
  readonly address: number;
  readonly floats: number;
}

/**
 * Parameters, and what a training keeps beside them, as parallel arrays: first what weight decay applies to, then the other parameters
 * that learn, then the running statistics, so that one call covers each.
 */
export interface ParameterLayout {
  readonly slots: ReadonlyMap<string, Slot>;
  readonly decayed: Range;
  /** The kernels of the branches, at the start of `decayed`: `customL2` takes the place of their decay. */
  readonly branchKernels: Range;
  readonly plain: Range;
  /** The running statistics of all batch normalizations. */
  readonly statistics: Range;
  /** Bytes from a parameter to its gradient and to its velocity (or first moment); 0 where the network only infers. */
  readonly gradientOffset: number;
  readonly velocityOffset: number;
  /** The same of what only some trainings need; 0 where there is no room. Memory that nobody writes to takes none. */
  readonly secondOffset: number;
  readonly gatheredOffset: number;
  /** Of parameters and running statistics. */
  readonly averageOffset: number;
}

/** What is placed beside the parameters. */
export type ParameterRoom = "inference" | "training" | "training with extras";

type Arrangement = Pick<Slot, "length" | "pieces">;

/**
 * `[co/16][taps][ci][16]`, or with `tapsInside` `[co/16][ci][taps][16]`; `ci` in memory may be padded, or hold those of several
 * groups, of which each output channel has weights other than zero for its own.
 *
 * @param merged Neighbouring groups whose `ci` lie one after the other.
 * @param groups Of the array.
 */
function panels(
  shape: readonly number[],
  ciStored: number,
  tapsInside: boolean,
  [merged, groups]: readonly [merged: number, groups: number] = [1, 1],
): Arrangement {
  const [O, I] = [shape.at(-1)!, shape.at(-2)!];
  const taps = sizeOf(shape) / (O * I);
  const width = O / groups;
  const pieces: Pieces[] = [];
  for (let o = 0, end = 0; o < O; o = end) {
    const group = Math.floor(o / width);
    const panel = Math.floor(o / PANEL);
    end = Math.min((panel + 1) * PANEL, (group + 1) * width);
    const [perTap, perInput] = tapsInside ? [PANEL, taps * PANEL] : [ciStored * PANEL, PANEL];
    const first = panel * ciStored * taps * PANEL + (group % merged) * I * perInput + (o % PANEL);
    const inArray = { first: o, perTap: I * O, perInput: O };
    pieces.push({ length: end - o, taps, inputs: I, inArray, inSlot: { first, perTap, perInput } });
  }
  return { length: panelled(O) * ciStored * taps, pieces };
}

/** Whether an entry belongs to a squeeze-and-excitation, whose kernels are matrices. */
const isSqueeze = ({ name }: StateEntry) => /\.(down|up)\.(weight|bias)$/.test(name);

function arrangeConvolution(shape: readonly number[], block: BlockPlan, exact: boolean): Arrangement {
  const count = kernelGroups(block);
  const tapsInside = shape[0] === 3 && usesWinograd(block, exact);
  return panels(shape, storedInputChannels(block) / count, tapsInside, [block.groups / count, block.groups]);
}

/** Kernels of Winograd blocks are laid out differently from those of direct ones. */
function arrange(entry: StateEntry, exact: boolean): Arrangement {
  const { role, shape, block } = entry;
  if (role === "kernel" && block && !isSqueeze(entry)) return arrangeConvolution(shape, block, exact);
  if (role === "kernel" || role === "matrix") return panels(shape, panelled(shape.at(-2)!), false);
  const length = shape[0] ?? 1;
  const start = { first: 0, perTap: 0, perInput: 0 };
  return { length: panelled(length), pieces: [{ length, taps: 1, inputs: 1, inArray: start, inSlot: start }] };
}

/** Places every entry of `entries` in memory, with `room` for what a training keeps beside them. Without Winograd in `exact` networks. */
export function placeParameters(
  memory: MemoryPlan,
  entries: readonly StateEntry[],
  { room, exact }: { room: ParameterRoom; exact: boolean },
): ParameterLayout {
  const arranged = entries
    .filter(({ role }) => role !== "numBatchesTracked")
    .map((entry) => ({ entry, ...arrange(entry, exact) }));
  const isStatistic = ({ role }: StateEntry) => role === "runningMean" || role === "runningVar";
  const parts = {
    branchKernels: arranged.filter(({ entry }) => entry.decay && isBranchKernel(entry)),
    decayed: arranged.filter(({ entry }) => entry.decay && !isBranchKernel(entry)),
    plain: arranged.filter(({ entry }) => entry.trainable && !entry.decay),
    statistics: arranged.filter(({ entry }) => isStatistic(entry)),
    frozen: arranged.filter(({ entry }) => !entry.trainable && !isStatistic(entry)),
  };
  const floatsOf = (list: typeof arranged) => list.reduce((sum, { length }) => sum + length, 0);
  const learning = floatsOf([...parts.branchKernels, ...parts.decayed, ...parts.plain]);
  const averaged = learning + floatsOf(parts.statistics);
  const base = memory.allocate(floatsOf(arranged) * 4);
  const beside = (floats: number, isPlaced: boolean) => (isPlaced ? memory.allocate(floats * 4) - base : 0);
  const [trains, extras] = [room !== "inference", room === "training with extras"];

  const slots = new Map<string, Slot>();
  let top = base;
  const place = (list: typeof arranged): Range => {
    const address = top;
    for (const { entry, length, pieces } of list) {
      slots.set(entry.name, { entry, address: top, length, pieces });
      top += length * 4;
    }
    return { address, floats: (top - address) / 4 };
  };
  const branchKernels = place(parts.branchKernels);
  const decayed = { address: base, floats: branchKernels.floats + place(parts.decayed).floats };
  const [plain, statistics] = [place(parts.plain), place(parts.statistics)];
  place(parts.frozen);
  return {
    slots,
    decayed,
    branchKernels,
    plain,
    statistics,
    gradientOffset: beside(learning, trains),
    velocityOffset: beside(learning, trains),
    secondOffset: beside(learning, extras),
    gatheredOffset: beside(learning, extras),
    averageOffset: beside(averaged, extras),
  };
}

/** Scatters an array in HWIO order into its slot, `offset` bytes on. */
export function writeSlot(floats: Float32Array, slot: Slot, { data }: NdArray, offset = 0): void {
  const start = (slot.address + offset) / 4;
  for (const pieces of slot.pieces) move(pieces, data, 0, pieces.inArray, floats, start, pieces.inSlot);
}

/** Gathers a slot back into an array in HWIO order. */
export function readSlot(floats: Float32Array, slot: Slot, offset = 0): NdArray {
  const { shape } = slot.entry;
  const start = (slot.address + offset) / 4;
  const data = new Float32Array(sizeOf(shape));
  for (const pieces of slot.pieces) move(pieces, floats, start, pieces.inSlot, data, 0, pieces.inArray);
  return { shape, data };
}

/** Copies all `pieces`. A network has millions of weights, in pieces too short for `set()`: only plain loops are fast. */
function move(
  { length, taps, inputs }: Pieces,
  source: Float32Array,
  sourceStart: number,
  from: Steps,
  target: Float32Array,
  targetStart: number,
  to: Steps,
): void {
  for (let tap = 0; tap < taps; tap++) {
    let read = sourceStart + from.first + tap * from.perTap;
    let write = targetStart + to.first + tap * to.perTap;
    for (let input = 0; input < inputs; input++) {
      for (let i = 0; i < length; i++) target[write + i] = source[read + i]!;
      read += from.perInput;
      write += to.perInput;
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
  floats: Float32Array,
  { slots }: ParameterLayout,
  entries: readonly StateEntry[],
  state: ReadonlyMap<string, NdArray>,
): StateDict {
  const rest: StateDict = new Map();
  const largestFirst = entries.toSorted((a, b) => sizeOf(b.shape) - sizeOf(a.shape));
  takeState(largestFirst, state, ({ name }, array) => {
    const slot = slots.get(name);
    if (slot) writeSlot(floats, slot, array);
    else rest.set(name, array);
  });
  return rest;
}

/** Names of the entries that the optimiser changes, in order. */
export function trainableSlots(layout: ParameterLayout): Slot[] {
  return [...layout.slots.values()].filter(({ entry }) => entry.trainable);
}
