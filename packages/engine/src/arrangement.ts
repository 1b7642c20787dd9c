import { type BlockPlan, type StateEntry, sizeOf } from "@repvgg/core";
import { kernelGroups } from "./channel-groups.ts";
import { PANEL, panelled } from "./layouts.ts";
import { storedInputChannels, usesWinograd } from "./network-buffers.ts";

/** How an entry's array lies in its slot. */
export interface Arrangement {
  /** Floats of the slot, padding included. */
  readonly length: number;
  /** Of a kernel or matrix. Default: as it is. */
  readonly panels?: Panels;
}

/**
 * A kernel or matrix in panels. Its array, in HWIO order, is rows of all output channels, one for each tap and, within it, for each
 * input channel. A row is cut into pieces, which go to different panels.
 */
export interface Panels {
  readonly taps: number;
  readonly inputs: number;
  readonly outputs: number;
  /** Floats in the slot from a piece of one row to that of the same input of the next tap, and of the next input of the same tap. */
  readonly perTap: number;
  readonly perInput: number;
  /** No more than so many. */
  readonly mostPieces: number;
  /** Makes three numbers a piece: its first output channel, its floats, and where in the slot that of the first row begins. */
  readonly pieces: () => Int32Array;
}

/** Numbers of a piece in the table. */
export const PIECE_WORDS = 3;

/**
 * `[co/16][taps][ci][16]`, or with `tapsInside` `[co/16][ci][taps][16]`; `ci` in memory may be padded, or hold those of several
 * groups, of which each output channel has weights other than zero for its own.
 *
 * @param merged Neighbouring groups whose `ci` lie one after the other.
 * @param groups Of the array.
 */
function inPanels(
  shape: readonly number[],
  ciStored: number,
  tapsInside: boolean,
  [merged, groups]: readonly [merged: number, groups: number] = [1, 1],
): Arrangement {
  const [outputs, inputs] = [shape.at(-1)!, shape.at(-2)!];
  const taps = sizeOf(shape) / (outputs * inputs);
  const [perTap, perInput] = tapsInside ? [PANEL, taps * PANEL] : [ciStored * PANEL, PANEL];
  const width = outputs / groups;
  const pieces = () => {
    const words: number[] = [];
    for (let o = 0, end = 0; o < outputs; o = end) {
      const group = Math.floor(o / width);
      const panel = Math.floor(o / PANEL);
      end = Math.min((panel + 1) * PANEL, (group + 1) * width);
      words.push(o, end - o, panel * ciStored * taps * PANEL + (group % merged) * inputs * perInput + (o % PANEL));
    }
    return Int32Array.from(words);
  };
  const panels = { taps, inputs, outputs, perTap, perInput, mostPieces: panelled(outputs) / PANEL + groups, pieces };
  return { length: panelled(outputs) * ciStored * taps, panels };
}

/** Whether an entry belongs to a squeeze-and-excitation, whose kernels are matrices. */
const isSqueeze = ({ name }: StateEntry) => /\.(down|up)\.(weight|bias)$/.test(name);

function arrangeConvolution(shape: readonly number[], block: BlockPlan, exact: boolean): Arrangement {
  const count = kernelGroups(block);
  const tapsInside = shape[0] === 3 && usesWinograd(block, exact);
  return inPanels(shape, storedInputChannels(block) / count, tapsInside, [block.groups / count, block.groups]);
}

/** Kernels of Winograd blocks are laid out differently from those of direct ones. */
export function arrange(entry: StateEntry, exact: boolean): Arrangement {
  const { role, shape, block } = entry;
  if (role === "kernel" && block && !isSqueeze(entry)) return arrangeConvolution(shape, block, exact);
  if (role === "kernel" || role === "matrix") return inPanels(shape, panelled(shape.at(-2)!), false);
  return { length: panelled(shape[0] ?? 1) };
}
