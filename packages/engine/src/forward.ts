import { BATCH_NORM } from "@repvgg/core";
import { type Emitter, emit1x1, emitDirect3x3, emitLinear, emitWinograd, emitWinogradWeights } from "./convolution.ts";
import { denseLayout, PANEL, panelled } from "./layouts.ts";
import { type BlockBuffers, BRANCHES, outputRows } from "./network-buffers.ts";
import { type PlacedNetwork, slotOf } from "./placed-network.ts";
import { floatBits, type Program } from "./program.ts";
import { emitSqueeze } from "./squeeze.ts";

/** Batch statistics, or the running ones. */
export type BatchNormMode = "train" | "inference";

/** Partial sums of batch normalization: enough of them to share out and to keep float32 sums short. */
const MAX_PARTS = 32;

export const partsOf = (lines: number) => Math.min(MAX_PARTS, lines);

/** What a batch normalization of a block reads: the dense outputs of its convolutions, or the block's input. */
export function branchInputs({ block, input, output, dense }: BlockBuffers) {
  const shape = [output.images, ...block.outputSize, output.channels] as const;
  return [...dense.map((origin) => denseLayout(origin, shape)), ...(block.identity ? [input] : [])];
}

const branchState = (network: PlacedNetwork, { block, branches, bias }: BlockBuffers, i: number) => {
  const of = (suffix: string) => slotOf(network, `${block.name}.${BRANCHES[i]}.${suffix}`).address;
  return {
    gamma: of("weight"),
    beta: of("bias"),
    runningMean: of("running_mean"),
    runningVar: of("running_var"),
    epsilon: floatBits(BATCH_NORM.epsilon),
    scale: branches[i]!.scale,
    bias,
    accumulateBias: Number(i > 0),
  };
};

/** Scale and bias of every block from the running statistics: what {@link emitForward} in mode `inference` reads. */
export function emitInferenceCoefficients({ program }: Emitter, network: PlacedNetwork): void {
  for (const buffers of network.buffers.blocks) emitBlockCoefficients(program, network, buffers);
}

function emitBlockCoefficients(program: Program, network: PlacedNetwork, buffers: BlockBuffers): void {
  buffers.branches.forEach((_, i) => {
    program.add("batchNormInference", buffers.output.channels / PANEL, branchState(network, buffers, i));
  });
}

/** Scale and bias of one block from the statistics of the batch, which also move the running ones. */
function emitBatchStatistics({ memory, program }: Emitter, network: PlacedNetwork, buffers: BlockBuffers): void {
  const { block, branches, output } = buffers;
  const { channels, height, width } = output;
  const lines = network.batch * height;
  const parts = partsOf(lines);
  const sums = memory.shared("batch norm sums", parts * 2 * channels * 4);
  branchInputs(buffers).forEach(({ origin: x, imageBytes, rowBytes }, i) => {
    program.add("batchNormSums", parts, { x, imageBytes, rowBytes, height, width, channels, lines, parts, sums });
    program.add("batchNormForward", channels / PANEL, {
      ...branchState(network, buffers, i),
      x,
      channels,
      parts,
      sums,
      count: floatBits(outputRows(block, network.batch)),
      momentum: floatBits(BATCH_NORM.momentum),
      mean: branches[i]!.mean,
      invStd: branches[i]!.invStd,
    });
  });
}

function emitTrainBlock(
  emitter: Emitter,
  network: PlacedNetwork,
  buffers: BlockBuffers,
  { mode, transformed, frozen = 0 }: ForwardOptions,
): void {
  const { block, input, output, sum, branches, bias, planes, groups } = buffers;
  const [y3, y1, identity] = branchInputs(buffers);
  const weights = (branch: string) => slotOf(network, `${block.name}.${branch}.conv.weight`).address;
  const dense = { input, output: y3!, weights: weights("rbr_dense"), groups };
  if (buffers.winograd) emitWinograd(emitter, { ...dense, planes, transformed: transformed?.get(block.index) });
  else emitDirect3x3(emitter, { ...dense, stride: block.stride });
  emit1x1(emitter, { input, output: y1!, weights: weights("rbr_1x1"), stride: block.stride, groups });
  if (mode === "train" && block.index < frozen) emitBlockCoefficients(emitter.program, network, buffers);
  else if (mode === "train") emitBatchStatistics(emitter, network, buffers);
  emitter.program.add("combine", network.batch * output.height, {
    x0: y3!.origin,
    x1: y1!.origin,
    x2: identity?.origin ?? 0,
    x2ImageBytes: identity?.imageBytes ?? 0,
    x2RowBytes: identity?.rowBytes ?? 0,
    y: sum.origin,
    imageBytes: sum.imageBytes,
    rowBytes: sum.rowBytes,
    height: output.height,
    width: output.width,
    channels: output.channels,
    scale0: branches[0]!.scale,
    scale1: branches[1]!.scale,
    scale2: branches[2]?.scale ?? 0,
    bias,
    relu: Number(endsInRelu(network, buffers)),
  });
  emitSqueeze(emitter, network, buffers);
}

/** Whether the sum of the branches goes through a ReLU at once; with a squeeze-and-excitation before it, that comes later. */
const endsInRelu = ({ plan }: PlacedNetwork, { squeeze }: BlockBuffers) =>
  squeeze === undefined || plan.spec.squeezeExcitation === "after-relu";

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
    relu: endsInRelu(network, buffers),
    groups,
  };
  if (winograd) emitWinograd(emitter, { ...convolution, transformed: transformed?.get(block.index) });
  else emitDirect3x3(emitter, { ...convolution, stride: block.stride });
  emitSqueeze(emitter, network, buffers);
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

export interface ForwardOptions {
  readonly mode: BatchNormMode;
  /** From {@link emitTransformedWeights}; default: transformed anew in each run. */
  readonly transformed?: ReadonlyMap<number, number>;
  /** Blocks, from the input on, that are normalized by the running statistics in training too. @default 0 */
  readonly frozen?: number;
}

/** From the staged images to the logits. */
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
}
