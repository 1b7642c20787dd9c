import { emitAuxiliary } from "./auxiliary.ts";
import {
  emitBatchStatistics,
  emitInferenceCoefficients,
  emitSum,
  type NormalizedSum,
  sumOfBranches,
} from "./batch-norm.ts";
import { type Emitter, emit1x1, emitDirect3x3, emitLinear, emitWinograd, emitWinogradWeights } from "./convolution.ts";
import { PANEL, panelled } from "./layouts.ts";
import type { BlockBuffers } from "./network-buffers.ts";
import { type PlacedNetwork, slotOf } from "./placed-network.ts";
import { emitSqueeze } from "./squeeze.ts";

/** The convolutions of a block in train form: 3×3 and 1×1. */
function emitBranches(
  emitter: Emitter,
  network: PlacedNetwork,
  { block, winograd, input, planes, groups }: BlockBuffers,
  { normalizations: [y3, y1] }: NormalizedSum,
  transformed?: number,
): void {
  const weights = (branch: string) => slotOf(network, `${block.name}.${branch}.conv.weight`).address;
  const dense = { input, output: y3!.x, weights: weights("rbr_dense"), groups };
  if (winograd) emitWinograd(emitter, { ...dense, planes, transformed });
  else emitDirect3x3(emitter, { ...dense, stride: block.stride });
  emit1x1(emitter, { input, output: y1!.x, weights: weights("rbr_1x1"), stride: block.stride, groups });
}

/**
 * What the backward pass of a block reads besides its output, computed again: the same kernels over the same input, so the same
 * bits. Statistics of the batch and all of a squeeze-and-excitation but its input are still there.
 *
 * @see Chen et al. 2016, "Training deep nets with sublinear memory cost". https://arxiv.org/abs/1604.06174
 */
export function emitAgain(emitter: Emitter, network: PlacedNetwork, buffers: BlockBuffers): void {
  const sum = sumOfBranches(network, buffers);
  emitBranches(emitter, network, buffers, sum);
  if (buffers.squeeze) emitSum(emitter, sum);
}

function emitTrainBlock(
  emitter: Emitter,
  network: PlacedNetwork,
  buffers: BlockBuffers,
  { mode, transformed, frozen = 0 }: ForwardOptions,
): void {
  const { block } = buffers;
  const sum = sumOfBranches(network, buffers);
  emitBranches(emitter, network, buffers, sum, transformed?.get(block.index));
  if (mode === "train" && block.index < frozen) emitInferenceCoefficients(emitter, network, sum);
  else if (mode === "train") emitBatchStatistics(emitter, network, sum);
  emitSum(emitter, sum);
  emitSqueeze(emitter, network, buffers);
}

function emitDeployBlock(
  emitter: Emitter,
  network: PlacedNetwork,
  buffers: BlockBuffers,
  { transformed }: ForwardOptions,
): void {
  const { block, winograd, input, sum, groups } = buffers;
  const of = (suffix: string) => slotOf(network, `${block.name}.rbr_reparam.${suffix}`).address;
  const convolution = {
    input,
    output: sum,
    weights: of("weight"),
    bias: of("bias"),
    relu: sumOfBranches(network, buffers).relu,
    groups,
  };
  if (winograd) emitWinograd(emitter, { ...convolution, transformed: transformed?.get(block.index) });
  else emitDirect3x3(emitter, { ...convolution, stride: block.stride });
  emitSqueeze(emitter, network, buffers);
}

/** Scales and biases of every block from the running statistics: what {@link emitForward} in mode `inference` reads. */
export function emitCoefficients(emitter: Emitter, network: PlacedNetwork): void {
  for (const buffers of network.buffers.blocks) {
    emitInferenceCoefficients(emitter, network, sumOfBranches(network, buffers));
  }
}

/** Kernels transformed once, by block index, for a network whose parameters do not change. */
export function emitTransformedWeights(emitter: Emitter, network: PlacedNetwork): ReadonlyMap<number, number> {
  const transformed = new Map<number, number>();
  for (const { block, winograd, input, output, branches, groups } of network.buffers.blocks) {
    if (!winograd) continue;
    const name = branches.length > 0 ? "rbr_dense.conv.weight" : "rbr_reparam.weight";
    const weights = slotOf(network, `${block.name}.${name}`).address;
    const address = emitWinogradWeights(emitter, { input, output, weights, groups }, (bytes) =>
      emitter.memory.allocate(bytes),
    );
    if (address !== 0) transformed.set(block.index, address);
  }
  return transformed;
}

/** Batch statistics, or the running ones. */
export type BatchNormMode = "train" | "inference";

export interface ForwardOptions {
  readonly mode: BatchNormMode;
  /** From {@link emitTransformedWeights}; default: transformed anew in each run. */
  readonly transformed?: ReadonlyMap<number, number>;
  /** Blocks, from the input on, that are normalized by the running statistics in training too. @default 0 */
  readonly frozen?: number;
}

/** From the staged images to the logits, in train mode also to those of the auxiliary classifiers. */
export function emitForward(emitter: Emitter, network: PlacedNetwork, options: ForwardOptions): void {
  const { buffers, batch, plan } = network;
  const [height, width] = plan.inputSize;
  const { input } = buffers.blocks[0]!;
  emitter.program.add("padInput", batch * height, {
    source: buffers.staging,
    target: input.origin,
    imageBytes: input.imageBytes,
    rowBytes: input.rowBytes,
    height,
    lineBytes: width * input.channels * 4,
  });
  for (const block of buffers.blocks) {
    const emitBlock = block.branches.length > 0 ? emitTrainBlock : emitDeployBlock;
    emitBlock(emitter, network, block, options);
  }
  const { origin, imageBytes, rowBytes, height: rows, width: columns, channels } = buffers.blocks.at(-1)!.output;
  emitter.program.add("averagePool", (batch * channels) / PANEL, {
    input: origin,
    imageBytes,
    rowBytes,
    height: rows,
    width: columns,
    channels,
    output: buffers.features,
  });
  emitLinear(emitter, {
    input: buffers.features,
    output: buffers.logits,
    weights: slotOf(network, "linear.weight").address,
    bias: slotOf(network, "linear.bias").address,
    rows: batch,
    from: channels,
    to: panelled(plan.spec.numClasses),
  });
  if (options.mode === "inference") return;
  for (const head of buffers.auxiliary) emitAuxiliary(emitter, network, head);
}
