import type { BlockPlan } from "@repvgg/core";
import { PANEL } from "./layouts.ts";

/**
 * How many groups the kernels see of a block's convolutions.
 *
 * A kernel's group is a slice of whole panels. Where those of the network are not, as many neighbours as it takes are one group of
 * the kernels: their weights are then a block-diagonal matrix, whose zeros are computed with.
 *
 * @returns A divisor of `block.groups`; 1 if no slice of the channels is whole panels.
 */
export function kernelGroups({ groups, inChannels, outChannels }: BlockPlan): number {
  const isWhole = (count: number) =>
    groups % count === 0 && (inChannels / count) % PANEL === 0 && (outChannels / count) % PANEL === 0;
  for (let count = groups; count > 1; count--) if (isWhole(count)) return count;
  return 1;
}
