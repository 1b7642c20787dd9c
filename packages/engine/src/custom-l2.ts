import { BATCH_NORM } from "@repvgg/core";
import { PANEL } from "./layouts.ts";
import type { BlockBuffers } from "./network-buffers.ts";
import { type PlacedNetwork, slotOf } from "./placed-network.ts";
import { floatBits, type Program } from "./program.ts";

/** Adds the gradients of the authors' custom L2 penalty of a block, whose weight lies at `settings`. */
export function emitCustomL2(
  program: Program,
  network: PlacedNetwork,
  { block, input, output, groups, winograd }: BlockBuffers,
  settings: number,
): void {
  const address = (suffix: string) => slotOf(network, `${block.name}.${suffix}`).address;
  const channels = input.channels / groups;
  program.add("customL2", output.channels / PANEL, {
    dense: address("rbr_dense.conv.weight"),
    pointwise: address("rbr_1x1.conv.weight"),
    gradientOffset: network.parameters.gradientOffset,
    channels,
    channelBytes: winograd ? 9 * 64 : 64,
    tapBytes: winograd ? 64 : channels * 64,
    gamma3: address("rbr_dense.bn.weight"),
    runningVar3: address("rbr_dense.bn.running_var"),
    gamma1: address("rbr_1x1.bn.weight"),
    runningVar1: address("rbr_1x1.bn.running_var"),
    epsilon: floatBits(BATCH_NORM.epsilon),
    settings,
  });
}
