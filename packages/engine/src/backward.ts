import { type Emitter, emitDirect3x3, emitRows, emitWinograd, groupBytes } from "./convolution.ts";
import { branchInputs, partsOf } from "./forward.ts";
import { emitKernelGradient, emitLinearBackward, emitTranspose } from "./gradients.ts";
import {
  bytesOf,
  denseLayout,
  type ImageLayout,
  PANEL,
  paddedCorner,
  paddedLayout,
  panelled,
  pixelTable,
  singleRun,
  TILE,
  windowRuns,
} from "./layouts.ts";
import { type BlockBuffers, BRANCHES, lastOfStage, outputRows, planeBytes, tilesOf } from "./network-buffers.ts";
import { gradientOf, type PlacedNetwork, slotOf } from "./placed-network.ts";
import { floatBits } from "./program.ts";
import { emitSqueezeBackward } from "./squeeze.ts";

/** Gradients of one block's inputs and branch outputs. `dy` is dense. */
interface BlockGradients {
  readonly dy: number;
  /** Of the 3×3 branch, zero-bordered, as its input gradient is itself a padded convolution. */
  readonly d3: ImageLayout;
  readonly d1: ImageLayout;
  /** Of the block's input, dense; the next `dy`. */
  readonly dx: ImageLayout;
}

/** What says which gradients the ReLU at the branches' sum lets through. */
function reluMask({ memory }: Emitter, { plan }: PlacedNetwork, { sum, squeeze }: BlockBuffers) {
  if (!squeeze || plan.spec.squeezeExcitation === "after-relu") {
    return { y: sum.origin, imageBytes: sum.imageBytes, rowBytes: sum.rowBytes };
  }
  // The ReLU came after the squeeze-and-excitation, which has seen to it. One row of ones is every row of every image.
  const floats = sum.width * sum.channels;
  return { y: memory.table(`ones ${floats}`, floats, () => floatBits(1)), imageBytes: 0, rowBytes: 0 };
}

/** Through ReLU and batch normalization: dγ, dβ, and the gradients of the branches' outputs (identity: written to dx). */
function emitBatchNormBackward(
  emitter: Emitter,
  network: PlacedNetwork,
  buffers: BlockBuffers,
  gradients: BlockGradients,
) {
  const { block, output, branches } = buffers;
  const { memory, program } = emitter;
  const { channels, height, width } = output;
  const lines = network.batch * height;
  const parts = partsOf(lines);
  const [y3, y1, identity] = branchInputs(buffers);
  const common = {
    dy: gradients.dy,
    ...reluMask(emitter, network, buffers),
    x0: y3!.origin,
    x1: y1!.origin,
    x2: identity?.origin ?? 0,
    x2ImageBytes: identity?.imageBytes ?? 0,
    x2RowBytes: identity?.rowBytes ?? 0,
    height,
    width,
    channels,
  };
  const sums = memory.shared("batch norm backward sums", parts * 4 * channels * 4);
  program.add("batchNormBackwardSums", parts, {
    ...common,
    mean0: branches[0]!.mean,
    mean1: branches[1]!.mean,
    mean2: branches[2]?.mean ?? 0,
    lines,
    parts,
    sums,
  });
  const coefficients = branches.map(({ mean, invStd }, branch) => {
    const name = `${block.name}.${BRANCHES[branch]}`;
    const target = memory.shared(`coefficients ${branch}`, 3 * channels * 4);
    program.add("batchNormBackward", channels / PANEL, {
      channels,
      parts,
      sums,
      branch,
      count: floatBits(outputRows(block, network.batch)),
      gamma: slotOf(network, `${name}.weight`).address,
      mean,
      invStd,
      gammaGradient: gradientOf(network, `${name}.weight`),
      betaGradient: gradientOf(network, `${name}.bias`),
      coefficients: target,
    });
    return target;
  });
  program.add("batchNormBackwardInput", lines, {
    ...common,
    d0: gradients.d3.origin,
    d0ImageBytes: gradients.d3.imageBytes,
    d0RowBytes: gradients.d3.rowBytes,
    d1: gradients.d1.origin,
    d2: identity ? gradients.dx.origin : 0,
    coefficients0: coefficients[0]!,
    coefficients1: coefficients[1]!,
    coefficients2: coefficients[2] ?? 0,
  });
}

function emit3x3KernelGradient(emitter: Emitter, network: PlacedNetwork, buffers: BlockBuffers, d3: ImageLayout): void {
  const { block, input, output, planes, groups } = buffers;
  const { memory, program } = emitter;
  const name = `${block.name}.rbr_dense.conv.weight`;
  const target = gradientOf(network, name);
  if (!buffers.winograd) {
    const { address: inputTable, rows } = pixelTable(memory, input, block.stride);
    emitKernelGradient(emitter, {
      ...windowRuns(memory, input, [3, 3], groups),
      input: paddedCorner(input),
      inputTable,
      groups,
      groupBytes: groupBytes(input, groups),
      gradient: d3.origin,
      gradientTable: pixelTable(memory, d3).address,
      rows,
      outputChannels: output.channels,
      target,
    });
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

/** Kernel rows (or columns) that reach the even and the odd pixels of the input of a stride-2 convolution, in run order. */
const PHASE_TAPS = [[1], [2, 0]] as const;
const ALL_TAPS_REVERSED = [8, 7, 6, 5, 4, 3, 2, 1, 0];

/** dx of the 3×3 branch at stride 2: each parity of pixels is a small convolution of its own over d3. */
function emitStridedInputGradient(emitter: Emitter, source: number, groups: number, { d3, dx }: BlockGradients): void {
  for (const oddY of [0, 1] as const) {
    for (const oddX of [0, 1] as const) {
      const [rows, columns] = [PHASE_TAPS[oddY], PHASE_TAPS[oddX]];
      const outputPixels = pixelTable(emitter.memory, dx, 2, [oddY, oddX]);
      if (outputPixels.rows === 0) continue;
      const taps = rows.flatMap((y) => columns.map((x) => y * 3 + x));
      const window = { ...d3, height: Math.ceil((dx.height - oddY) / 2), width: Math.ceil((dx.width - oddX) / 2) };
      emitRows(emitter, {
        ...windowRuns(emitter.memory, d3, [rows.length, columns.length], groups),
        input: d3.origin,
        inputTable: pixelTable(emitter.memory, window).address,
        groups,
        groupBytes: groupBytes(d3, groups),
        weights: emitTranspose(emitter, {
          source,
          taps,
          allTaps: 9,
          input: dx.channels,
          output: d3.channels,
          groups,
          tapsInside: false,
        }),
        output: dx.origin,
        outputTable: outputPixels.address,
        rows: outputPixels.rows,
        outputChannels: dx.channels,
      });
    }
  }
}

/** Adds up what the branches give to the block's input; the identity's part is there already. */
function emitInputGradient(emitter: Emitter, network: PlacedNetwork, buffers: BlockBuffers, gradients: BlockGradients) {
  const { block, winograd, groups } = buffers;
  const { d3, d1, dx } = gradients;
  const channels = { input: dx.channels, output: d3.channels, groups };
  const source3 = slotOf(network, `${block.name}.rbr_dense.conv.weight`).address;
  const source1 = slotOf(network, `${block.name}.rbr_1x1.conv.weight`).address;
  if (block.stride === 2) emitStridedInputGradient(emitter, source3, groups, gradients);
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
function emitHeadBackward(emitter: Emitter, network: PlacedNetwork, logitsGradient: number, dy: number): void {
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

/** Where the gradient of a stage's output lies, complete but for what a loss of that output adds, before call `calls`. */
export interface StageGradient {
  readonly stage: number;
  readonly calls: number;
  readonly gradient: ImageLayout;
}

/**
 * From dL/dlogits to the gradient of every parameter that learns.
 *
 * @param logitsGradient Address of `[N, classes in whole panels]`, zero in the padding.
 * @param frozen Blocks, from the input on, that do not learn: the way back ends before them.
 * @returns Where to stop for gradients of the outputs of stages 4 to 1, in this order.
 */
export function emitBackward(
  emitter: Emitter,
  network: PlacedNetwork,
  logitsGradient: number,
  frozen = 0,
): StageGradient[] {
  const { memory } = emitter;
  const { buffers, batch } = network;
  // Two dense buffers take turns as the gradient of a block's output and of its input.
  const dense = (index: number, bytes: number) => memory.shared(`dense gradient ${index % 2}`, bytes);
  const last = buffers.blocks.at(-1)!;
  const shapeOf = ({ images, height, width, channels }: ImageLayout) => [images, height, width, channels] as const;

  let dy = dense(last.block.index + 1, bytesOf(shapeOf(last.output)));
  emitHeadBackward(emitter, network, logitsGradient, dy);
  const stops: StageGradient[] = [];
  for (const block of buffers.blocks.slice(frozen).toReversed()) {
    const { index, stage } = block.block;
    const shape = shapeOf(block.output);
    if (stage > 0 && block === lastOfStage(buffers, stage)) {
      stops.push({ stage, calls: emitter.program.calls.length, gradient: denseLayout(dy, shape) });
    }
    const inputShape = shapeOf({ ...block.input, images: batch });
    const gradients: BlockGradients = {
      dy,
      d3: paddedLayout((bytes) => memory.shared(`padded gradient ${shape}`, bytes), shape),
      d1: denseLayout(memory.shared("1×1 gradient", bytesOf(shape)), shape),
      dx: denseLayout(dense(index, bytesOf(inputShape)), inputShape),
    };
    emitSqueezeBackward(emitter, network, block, dy);
    emitBatchNormBackward(emitter, network, block, gradients);
    emit3x3KernelGradient(emitter, network, block, gradients.d3);
    emit1x1KernelGradient(emitter, network, block, gradients.d1);
    if (index > frozen) emitInputGradient(emitter, network, block, gradients);
    dy = gradients.dx.origin;
  }
  return stops;
}
