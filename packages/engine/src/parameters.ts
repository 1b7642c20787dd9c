import { isBranchKernel, type StateEntry, sizeOf } from "@repvgg/core";
import { type Arrangement, arrange, PIECE_WORDS } from "./arrangement.ts";
import { PANEL } from "./layouts.ts";
import type { MemoryPlan } from "./memory-plan.ts";
import { CALL_RECORD } from "./operations.ts";

/** Where an entry of the state dict lies in the engine's memory, and in which order. */
export interface Slot extends Arrangement {
  readonly entry: StateEntry;
  readonly address: number;
}

/** Where rows of arrays lie on their way into slots, and the call that puts them there. */
export interface Loading {
  readonly staging: number;
  readonly stagingFloats: number;
  /** For the table of an array's pieces. */
  readonly pieces: number;
  /** For what a call says of each piece, a panel of i32. */
  readonly special: number;
  /** For a call record. */
  readonly record: number;
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
  readonly loading: Loading;
}

/** What is placed beside the parameters. */
export type ParameterRoom = "inference" | "training" | "training with extras";

/** Floats of an array that are arranged at a time: few enough for the cache of a core. */
const STAGED_FLOATS = 2 ** 16;

function placeLoading(
  memory: MemoryPlan,
  arranged: readonly (Arrangement & { readonly entry: StateEntry })[],
): Loading {
  const most = (count: (arrangement: (typeof arranged)[number]) => number) => Math.max(0, ...arranged.map(count));
  const row = most(({ panels }) => panels?.outputs ?? 0);
  const array = most(({ panels, entry }) => (panels ? sizeOf(entry.shape) : 0));
  const pieces = most(({ panels }) => panels?.mostPieces ?? 0);
  const stagingFloats = Math.max(row, Math.min(STAGED_FLOATS, array));
  return {
    stagingFloats,
    staging: memory.allocate(stagingFloats * 4),
    pieces: memory.allocate(pieces * PIECE_WORDS * 4),
    special: memory.allocate(pieces * PANEL * 4),
    record: memory.allocate(CALL_RECORD.bytes),
  };
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
    for (const arrangedEntry of list) {
      slots.set(arrangedEntry.entry.name, { ...arrangedEntry, address: top });
      top += arrangedEntry.length * 4;
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
    loading: placeLoading(memory, arranged),
  };
}

/** Names of the entries that the optimiser changes, in order. */
export function trainableSlots(layout: ParameterLayout): Slot[] {
  return [...layout.slots.values()].filter(({ entry }) => entry.trainable);
}
