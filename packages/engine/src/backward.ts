import { emitAuxiliaryBackward } from "./auxiliary.ts";
import { emitSumBackward, sumOfBranches } from "./batch-norm.ts";
import { type Emitter, emitDirect3x3, emitRows, emitWinograd, groupBytes } from "./convolution.ts";
import { emitAgain } from "./forward.ts";
import {
  emitKernelGradient,
  emitKernelGradient3x3,
  emitLinearBackward,
  emitStridedInputGradient,
  emitTranspose,
} from "./gradients.ts";
import {
  bytesOf,
  denseLayout,
  type ImageLayout,
  PANEL,
  paddedLayout,
  panelled,
  pixelTable,
  singleRun,
  TILE,
} from "./layouts.ts";
import { type BlockBuffers, lastOfStage, planeBytes, tilesOf } from "./network-buffers.ts";
import { gradientOf, type PlacedNetwork, slotOf } from "./placed-network.ts";
import { emitSqueezeBackward } from "./squeeze.ts";

/** Gradients of one block's inputs and branch outputs. */
interface BlockGradients {
  /** Of the 3×3 branch, zero-bordered, as its input gradient is itself a padded convolution. */
  readonly d3: ImageLayout;
  readonly d1: ImageLayout;
  /** Of the block's input, dense; the gradient of the output of the block before. */
  readonly dx: ImageLayout;
}

function emit3x3KernelGradient(emitter: Emitter, network: PlacedNetwork, buffers: BlockBuffers, d3: ImageLayout): void {
  const { block, input, output, planes, groups } = buffers;
  const { memory, program } = emitter;
  const name = `${block.name}.rbr_dense.conv.weight`;
  const target = gradientOf(network, name);
  if (!buffers.winograd) {
    emitKernelGradient3x3(emitter, network, { name, input, gradient: d3, stride: block.stride, groups });
    emitClearBetweenGroups(emitter, network, buffers, name);
    return;
  }
  const tilesPerImage = tilesOf(block.outputSize);
  const tiles = network.batch * tilesPerImage;
  const gradientPlaneBytes = planeBytes(tiles, output.channels);
  const gradientPlanes = memory.shared("gradient planes", 36 * gradientPlaneBytes);
  program.add("winogradGradient", tiles, {
    gradient: d3.origin,
    imageBytes: d3.imageBytes,
    rowBytes: d3.rowBytes,
    channels: d3.channels,
    tilesX: Math.ceil(output.width / TILE),
    tilesPerImage,
    planes: gradientPlanes,
    planeBytes: gradientPlaneBytes,
  });
  program.add("winogradKernelGradient", input.channels / PANEL, {
    planes,
    planeBytes: planeBytes(tiles, input.channels),
    gradientPlanes,
    gradientPlaneBytes,
    tiles,
    channels: input.channels,
    outputChannels: output.channels,
    groupChannels: input.channels / groups,
    panelsPerGroup: output.channels / PANEL / groups,
    target,
  });
  emitClearBetweenGroups(emitter, network, buffers, name);
}

function emit1x1KernelGradient(emitter: Emitter, network: PlacedNetwork, buffers: BlockBuffers, d1: ImageLayout): void {
  const { block, input, output, groups } = buffers;
  const name = `${block.name}.rbr_1x1.conv.weight`;
  const { address: inputTable, rows } = pixelTable(emitter.memory, input, block.stride);
  emitKernelGradient(emitter, {
    ...singleRun(emitter.memory, input.channels / groups),
    input: input.origin,
    inputTable,
    groups,
    groupBytes: groupBytes(input, groups),
    gradient: d1.origin,
    gradientTable: pixelTable(emitter.memory, d1).address,
    rows,
    outputChannels: output.channels,
    target: gradientOf(network, name),
  });
  emitClearBetweenGroups(emitter, network, buffers, name);
}

/** Where one group of the kernels is several of the network: no gradient for the zeros between them, so that they stay zero. */
function emitClearBetweenGroups(
  { program }: Emitter,
  network: PlacedNetwork,
  { block, input, output, winograd, groups }: BlockBuffers,
  name: string,
): void {
  if (block.groups === groups) return;
  const channels = input.channels / groups;
  const { shape } = slotOf(network, name).entry;
  const taps = shape[0]! * shape[1]!;
  const tapsInside = winograd && taps > 1;
  program.add("clearBetweenGroups", output.channels / PANEL, {
    gradient: gradientOf(network, name),
    panelBytes: taps * channels * 64,
    channelBytes: tapsInside ? taps * 64 : 64,
    tapBytes: tapsInside ? 64 : channels * 64,
    channels,
    tapCount: taps,
    panelsPerGroup: output.channels / PANEL / groups,
    inputs: block.inChannels / block.groups,
    outputs: block.outChannels / block.groups,
  });
}

const ALL_TAPS_REVERSED = [8, 7, 6, 5, 4, 3, 2, 1, 0];

/** Adds up what the branches give to the block's input; the identity's part is there already. */
function emitInputGradient(emitter: Emitter, network: PlacedNetwork, buffers: BlockBuffers, gradients: BlockGradients) {
  const { block, winograd, groups } = buffers;
  const { d3, d1, dx } = gradients;
  const channels = { input: dx.channels, output: d3.channels, groups };
  const source3 = slotOf(network, `${block.name}.rbr_dense.conv.weight`).address;
  const source1 = slotOf(network, `${block.name}.rbr_1x1.conv.weight`).address;
  if (block.stride === 2) emitStridedInputGradient(emitter, { source: source3, groups, gradient: d3, dx });
  const weights1 = emitTranspose(emitter, { source: source1, taps: [0], allTaps: 1, ...channels, tapsInside: false });
  const { address: outputTable, rows } = pixelTable(emitter.memory, dx, block.stride);
  emitRows(emitter, {
    ...singleRun(emitter.memory, d1.channels / groups),
    input: d1.origin,
    inputTable: pixelTable(emitter.memory, d1).address,
    groups,
    groupBytes: groupBytes(d1, groups),
    weights: weights1,
    output: dx.origin,
    outputTable,
    rows,
    outputChannels: dx.channels,
    accumulate: block.identity || block.stride === 2,
  });
  if (block.stride === 2) return;
  const taps = ALL_TAPS_REVERSED;
  const weights = emitTranspose(emitter, { source: source3, taps, allTaps: 9, ...channels, tapsInside: winograd });
  const convolution = { input: d3, output: dx, weights, accumulate: true, groups };
  if (winograd) emitWinograd(emitter, convolution);
  else emitDirect3x3(emitter, { ...convolution, stride: 1 });
}

/** Classifier and pooling: from dL/dlogits to the dense gradient of the last block's output. */
function emitClassifierBackward(emitter: Emitter, network: PlacedNetwork, logitsGradient: number, dy: number): void {
  const { memory, program } = emitter;
  const { buffers, batch, plan } = network;
  const { channels, height, width } = buffers.blocks.at(-1)!.output;
  const features = memory.shared("features gradient", bytesOf([batch, channels]));
  emitLinearBackward(emitter, network, {
    name: "linear",
    input: buffers.features,
    from: channels,
    gradient: logitsGradient,
    to: panelled(plan.spec.numClasses),
    inputGradient: features,
  });
  program.add("averagePoolGradient", batch * height, { gradient: features, height, width, channels, output: dy });
}

/** Addresses of the gradients that the host writes: `[N, classes in whole panels]` each, zero in the padding. */
export interface LogitsGradients {
  readonly logits: number;
  readonly auxiliary: readonly number[];
}

/** Where the gradient of a stage's output lies, complete but for what a loss of that output adds, before call `calls`. */
export interface StageGradient {
  readonly stage: number;
  readonly calls: number;
  readonly gradient: ImageLayout;
}

/**
 * From the gradients at the logits to the gradient of every parameter that learns.
 *
 * @param frozen Blocks, from the input on, that do not learn: the way back ends before them.
 * @returns Where to stop for gradients of the outputs of stages 4 to 1, in this order.
 */
export function emitBackward(
  emitter: Emitter,
  network: PlacedNetwork,
  inputs: LogitsGradients,
  frozen = 0,
): StageGradient[] {
  const { memory } = emitter;
  const { buffers, batch } = network;
  // One buffer is the gradient of a block's output and then of its input: the kernels read an element before they write it.
  const dense = (bytes: number) => memory.shared("dense gradient", bytes);
  const last = buffers.blocks.at(-1)!;
  const shapeOf = ({ images, height, width, channels }: ImageLayout) => [images, height, width, channels] as const;

  const dy = dense(bytesOf(shapeOf(last.output)));
  emitClassifierBackward(emitter, network, inputs.logits, dy);
  const emitHead = (after: number, dx: ImageLayout | undefined) => {
    const head = buffers.auxiliary.findIndex((auxiliary) => auxiliary.head.after === after);
    if (head < 0) return;
    emitAuxiliaryBackward(emitter, network, buffers.auxiliary[head]!, inputs.auxiliary[head]!, dx);
  };
  const stops: StageGradient[] = [];
  for (const block of buffers.blocks.slice(frozen).toReversed()) {
    const { index, stage } = block.block;
    const shape = shapeOf(block.output);
    if (stage > 0 && block === lastOfStage(buffers, stage)) {
      stops.push({ stage, calls: emitter.program.calls.length, gradient: denseLayout(dy, shape) });
    }
    emitHead(index, denseLayout(dy, shape));
    const inputShape = shapeOf({ ...block.input, images: batch });
    const gradients: BlockGradients = {
      d3: paddedLayout((bytes) => memory.shared(`padded gradient ${shape}`, bytes), shape),
      // In place of what the branch gave, which nobody reads again.
      d1: denseLayout(block.dense[1], shape),
      dx: denseLayout(dense(bytesOf(inputShape)), inputShape),
    };
    if (buffers.retained === "outputs") emitAgain(emitter, network, block);
    emitSqueezeBackward(emitter, network, block, dy);
    emitSumBackward(emitter, network, sumOfBranches(network, block), {
      dy,
      d0: gradients.d3,
      d1: gradients.d1.origin,
      d2: gradients.dx.origin,
    });
    emit3x3KernelGradient(emitter, network, block, gradients.d3);
    emit1x1KernelGradient(emitter, network, block, gradients.d1);
    if (index > frozen) emitInputGradient(emitter, network, block, gradients);
  }
  for (let index = 0; index < frozen; index++) emitHead(index, undefined);
  return stops;
}
