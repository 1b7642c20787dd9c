import { type Emitter, emitDirect3x3, emitLinear, emitRows, emitWinograd } from "./convolution.ts";
import { branchInputs, type PlacedNetwork, partsOf, slotOf } from "./forward.ts";
import {
  bytesOf,
  denseLayout,
  type ImageLayout,
  linearTable,
  PANEL,
  paddedCorner,
  paddedLayout,
  panelled,
  pixelTable,
  TILE,
} from "./layouts.ts";
import { type BlockBuffers, BRANCHES, outputRows, planeBytes, tilesOf } from "./network-buffers.ts";
import { floatBits } from "./program.ts";

/** Rows whose products a kernel gradient sums before it adds them to the total: limits rounding, and fits the cache. */
const GRADIENT_CHUNK = 128;
/** Below so many rows of the gradient, threads share its panels. */
const FEW_ELEMENTS = 12;

/** Gradients of one block's inputs and branch outputs. `dy` is dense. */
interface BlockGradients {
  readonly dy: number;
  /** Of the 3×3 branch, zero-bordered, as its input gradient is itself a padded convolution. */
  readonly d3: ImageLayout;
  readonly d1: ImageLayout;
  /** Of the block's input, dense; the next `dy`. */
  readonly dx: ImageLayout;
}

const gradientOf = (network: PlacedNetwork, name: string) =>
  slotOf(network, name).address + network.parameters.gradientOffset;

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
    y: output.origin,
    imageBytes: output.imageBytes,
    rowBytes: output.rowBytes,
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

interface KernelGradient {
  readonly input: number;
  readonly inputTable: number;
  readonly runFloats: number;
  readonly runs: number;
  readonly runBytes: number;
  readonly gradient: number;
  readonly gradientTable: number;
  readonly rows: number;
  readonly outputChannels: number;
  readonly target: number;
}

function emitKernelGradient({ program }: Emitter, { outputChannels, ...args }: KernelGradient): void {
  const elements = args.runs * args.runFloats;
  const panels = outputChannels / PANEL;
  const splitPanels = elements < FEW_ELEMENTS;
  program.add("kernelGradient", splitPanels ? panels : elements, {
    ...args,
    panels,
    chunk: GRADIENT_CHUNK,
    splitPanels: Number(splitPanels),
  });
}

function emit3x3KernelGradient(emitter: Emitter, network: PlacedNetwork, buffers: BlockBuffers, d3: ImageLayout): void {
  const { block, input, output, planes } = buffers;
  const { memory, program } = emitter;
  const target = gradientOf(network, `${block.name}.rbr_dense.conv.weight`);
  if (!buffers.winograd) {
    const { address: inputTable, rows } = pixelTable(memory, input, block.stride);
    emitKernelGradient(emitter, {
      input: paddedCorner(input),
      inputTable,
      runFloats: 3 * input.channels,
      runs: 3,
      runBytes: input.rowBytes,
      gradient: d3.origin,
      gradientTable: pixelTable(memory, d3).address,
      rows,
      outputChannels: output.channels,
      target,
    });
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
    target,
  });
}

function emit1x1KernelGradient(emitter: Emitter, network: PlacedNetwork, buffers: BlockBuffers, d1: ImageLayout): void {
  const { block, input, output } = buffers;
  const { address: inputTable, rows } = pixelTable(emitter.memory, input, block.stride);
  emitKernelGradient(emitter, {
    input: input.origin,
    inputTable,
    runFloats: input.channels,
    runs: 1,
    runBytes: 0,
    gradient: d1.origin,
    gradientTable: pixelTable(emitter.memory, d1).address,
    rows,
    outputChannels: output.channels,
    target: gradientOf(network, `${block.name}.rbr_1x1.conv.weight`),
  });
}

/** Kernel rows (or columns) that reach the even and the odd pixels of the input of a stride-2 convolution, in run order. */
const PHASE_TAPS = [[1], [2, 0]] as const;
const ALL_TAPS_REVERSED = [8, 7, 6, 5, 4, 3, 2, 1, 0];

/** A kernel with input and output channels exchanged, and `taps` of it in that order; in a shared buffer. */
function emitTranspose(
  { memory, program }: Emitter,
  options: {
    source: number;
    taps: readonly number[];
    allTaps: number;
    input: number;
    output: number;
    tapsInside: boolean;
  },
): number {
  const { source, taps, allTaps, input, output, tapsInside } = options;
  const target = memory.shared("transposed weights", taps.length * input * output * 4);
  program.add("transposeWeights", input / PANEL, {
    source,
    panelBytes: allTaps * input * 64,
    channelBytes: tapsInside ? allTaps * 64 : 64,
    tapBytes: tapsInside ? 64 : input * 64,
    taps: memory.table(`taps ${taps}`, taps.length, (i) => taps[i]!),
    tapCount: taps.length,
    outputChannels: output,
    target,
    targetPanelBytes: taps.length * output * 64,
    targetChannelBytes: tapsInside ? taps.length * 64 : 64,
    targetTapBytes: tapsInside ? 64 : output * 64,
  });
  return target;
}

/** dx of the 3×3 branch at stride 2: each parity of pixels is a small convolution of its own over d3. */
function emitStridedInputGradient(emitter: Emitter, source: number, { d3, dx }: BlockGradients): void {
  for (const oddY of [0, 1] as const) {
    for (const oddX of [0, 1] as const) {
      const [rows, columns] = [PHASE_TAPS[oddY], PHASE_TAPS[oddX]];
      const outputPixels = pixelTable(emitter.memory, dx, 2, [oddY, oddX]);
      if (outputPixels.rows === 0) continue;
      const taps = rows.flatMap((y) => columns.map((x) => y * 3 + x));
      const window = { ...d3, height: Math.ceil((dx.height - oddY) / 2), width: Math.ceil((dx.width - oddX) / 2) };
      emitRows(emitter, {
        input: d3.origin,
        inputTable: pixelTable(emitter.memory, window).address,
        runFloats: columns.length * d3.channels,
        runs: rows.length,
        runBytes: d3.rowBytes,
        weights: emitTranspose(emitter, {
          source,
          taps,
          allTaps: 9,
          input: dx.channels,
          output: d3.channels,
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
  const { block, winograd } = buffers;
  const { d3, d1, dx } = gradients;
  const channels = { input: dx.channels, output: d3.channels };
  const source3 = slotOf(network, `${block.name}.rbr_dense.conv.weight`).address;
  const source1 = slotOf(network, `${block.name}.rbr_1x1.conv.weight`).address;
  if (block.stride === 2) emitStridedInputGradient(emitter, source3, gradients);
  const weights1 = emitTranspose(emitter, { source: source1, taps: [0], allTaps: 1, ...channels, tapsInside: false });
  const { address: outputTable, rows } = pixelTable(emitter.memory, dx, block.stride);
  emitRows(emitter, {
    input: d1.origin,
    inputTable: pixelTable(emitter.memory, d1).address,
    runFloats: d1.channels,
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
  const convolution = { input: d3, output: dx, weights, accumulate: true };
  if (winograd) emitWinograd(emitter, convolution);
  else emitDirect3x3(emitter, { ...convolution, stride: 1 });
}

/** Classifier and pooling: from dL/dlogits to the dense gradient of the last block's output. */
function emitHeadBackward(emitter: Emitter, network: PlacedNetwork, logitsGradient: number, dy: number): void {
  const { memory, program } = emitter;
  const { buffers, batch, plan } = network;
  const { channels, height, width } = buffers.blocks.at(-1)!.output;
  const classes = panelled(plan.spec.numClasses);
  program.add("columnSums", classes / PANEL, {
    input: logitsGradient,
    rows: batch,
    channels: classes,
    output: gradientOf(network, "linear.bias"),
  });
  emitKernelGradient(emitter, {
    input: buffers.features,
    inputTable: linearTable(memory, batch, channels * 4),
    runFloats: channels,
    runs: 1,
    runBytes: 0,
    gradient: logitsGradient,
    gradientTable: linearTable(memory, batch, classes * 4),
    rows: batch,
    outputChannels: classes,
    target: gradientOf(network, "linear.weight"),
  });
  const features = memory.shared("features gradient", bytesOf([batch, channels]));
  emitLinear(emitter, {
    input: logitsGradient,
    output: features,
    weights: emitTranspose(emitter, {
      source: slotOf(network, "linear.weight").address,
      taps: [0],
      allTaps: 1,
      input: channels,
      output: classes,
      tapsInside: false,
    }),
    rows: batch,
    from: classes,
    to: channels,
  });
  program.add("averagePoolGradient", batch * height, { gradient: features, height, width, channels, output: dy });
}

/**
 * From dL/dlogits to the gradient of every parameter.
 *
 * @param logitsGradient Address of `[N, classes in whole panels]`, zero in the padding.
 */
export function emitBackward(emitter: Emitter, network: PlacedNetwork, logitsGradient: number): void {
  const { memory } = emitter;
  const { buffers, batch } = network;
  // Two dense buffers take turns as the gradient of a block's output and of its input.
  const dense = (index: number, bytes: number) => memory.shared(`dense gradient ${index % 2}`, bytes);
  const last = buffers.blocks.at(-1)!;
  const shapeOf = ({ images, height, width, channels }: ImageLayout) => [images, height, width, channels] as const;

  let dy = dense(last.block.index + 1, bytesOf(shapeOf(last.output)));
  emitHeadBackward(emitter, network, logitsGradient, dy);
  for (const block of buffers.blocks.toReversed()) {
    const { index } = block.block;
    const shape = shapeOf(block.output);
    const inputShape = shapeOf({ ...block.input, images: batch });
    const gradients: BlockGradients = {
      dy,
      d3: paddedLayout((bytes) => memory.shared(`padded gradient ${shape}`, bytes), shape),
      d1: denseLayout(memory.shared("1×1 gradient", bytesOf(shape)), shape),
      dx: denseLayout(dense(index, bytesOf(inputShape)), inputShape),
    };
    emitBatchNormBackward(emitter, network, block, gradients);
    emit3x3KernelGradient(emitter, network, block, gradients.d3);
    emit1x1KernelGradient(emitter, network, block, gradients.d1);
    if (index > 0) emitInputGradient(emitter, network, block, gradients);
    dy = gradients.dx.origin;
  }
}
