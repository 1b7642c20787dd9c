import { type BlockPlan, type NdArray, type StateDict, type StateEntry, sizeOf } from "@repvgg/core";
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
  /** Position of element `index` of the entry's array (HWIO order) in the slot. */
  readonly position: (index: number) => number;
}

/**
 * Parameters, gradients and velocities as parallel arrays: first what weight decay applies to, then the rest, so that one SGD
 * call covers each.
 */
export interface ParameterLayout {
  readonly slots: ReadonlyMap<string, Slot>;
  /** Start and length in floats of each range. */
  readonly decayed: { readonly address: number; readonly floats: number };
  readonly plain: { readonly address: number; readonly floats: number };
  /** The running statistics of all batch normalizations. */
  readonly statistics: { readonly address: number; readonly floats: number };
  /** Bytes from a parameter to its gradient and to its velocity; 0 where the network only infers. */
  readonly gradientOffset: number;
  readonly velocityOffset: number;
}

type Arrangement = Pick<Slot, "length" | "position">;

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
  return {
    length: panelled(O) * ciStored * taps,
    position: (index) => {
      const o = index % O;
      const group = Math.floor(o / (O / groups));
      const i = (group % merged) * I + (Math.floor(index / O) % I);
      const tap = Math.floor(index / (O * I));
      const inner = tapsInside ? i * taps + tap : tap * ciStored + i;
      return (Math.floor(o / PANEL) * ciStored * taps + inner) * PANEL + (o % PANEL);
    },
  };
}

/** Whether an entry belongs to a squeeze-and-excitation, whose kernels are matrices. */
const isSqueeze = ({ name }: StateEntry) => /\.(down|up)\.(weight|bias)$/.test(name);

function arrangeConvolution(shape: readonly number[], block: BlockPlan): Arrangement {
  const count = kernelGroups(block);
  const tapsInside = shape[0] === 3 && usesWinograd(block);
  return panels(shape, storedInputChannels(block) / count, tapsInside, [block.groups / count, block.groups]);
}

/** Kernels of Winograd blocks are laid out differently from those of direct ones. */
function arrange(entry: StateEntry): Arrangement {
  const { role, shape, block } = entry;
  if (role === "kernel" && block && !isSqueeze(entry)) return arrangeConvolution(shape, block);
  if (role === "kernel" || role === "matrix") return panels(shape, panelled(shape.at(-2)!), false);
  return { length: panelled(shape[0] ?? 1), position: (index) => index };
}

/** Places every entry of `entries` in memory, with room for gradients and velocities if the network is to be `trainable`. */
export function placeParameters(
  memory: MemoryPlan,
  entries: readonly StateEntry[],
  trainable: boolean,
): ParameterLayout {
  const arranged = entries
    .filter(({ role }) => role !== "numBatchesTracked")
    .map((entry) => ({ entry, ...arrange(entry) }));
  const floatsOf = (list: typeof arranged) => list.reduce((sum, { length }) => sum + length, 0);
  const decayed = arranged.filter(({ entry }) => entry.decay);
  const plain = arranged.filter(({ entry }) => entry.trainable && !entry.decay);
  const statistics = arranged.filter(({ entry }) => !entry.trainable);
  const [decayedFloats, plainFloats] = [floatsOf(decayed), floatsOf(plain)];

  const allocate = () => memory.allocate((decayedFloats + plainFloats) * 4);
  const base = allocate();
  const gradientOffset = trainable ? allocate() - base : 0;
  const velocityOffset = trainable ? allocate() - base : 0;

  const slots = new Map<string, Slot>();
  const place = (list: typeof arranged, start: number) => {
    let address = start;
    for (const { entry, length, position } of list) {
      slots.set(entry.name, { entry, address, length, position });
      address += length * 4;
    }
  };
  place(decayed, base);
  place(plain, base + decayedFloats * 4);
  const statisticsAddress = memory.allocate(floatsOf(statistics) * 4);
  place(statistics, statisticsAddress);
  return {
    slots,
    decayed: { address: base, floats: decayedFloats },
    plain: { address: base + decayedFloats * 4, floats: plainFloats },
    statistics: { address: statisticsAddress, floats: floatsOf(statistics) },
    gradientOffset,
    velocityOffset,
  };
}

/** Scatters an array in HWIO order into its slot, `offset` bytes on. */
export function writeSlot(floats: Float32Array, slot: Slot, source: NdArray, offset = 0): void {
  const start = (slot.address + offset) / 4;
  source.data.forEach((value, i) => {
    floats[start + slot.position(i)] = value;
  });
}

/** Gathers a slot back into an array in HWIO order. */
export function readSlot(floats: Float32Array, slot: Slot, offset = 0): NdArray {
  const { shape } = slot.entry;
  const start = (slot.address + offset) / 4;
  return { shape, data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => floats[start + slot.position(i)]!) };
}

/** Writes all of a state dict that has a slot. The caller has checked names and shapes. */
export function writeState(floats: Float32Array, layout: ParameterLayout, state: StateDict): void {
  for (const [name, slot] of layout.slots) writeSlot(floats, slot, state.get(name)!);
}

/** Names of the entries that the optimiser changes, in order. */
export function trainableSlots(layout: ParameterLayout): Slot[] {
  return [...layout.slots.values()].filter(({ entry }) => entry.trainable);
}
