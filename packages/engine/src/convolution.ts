import {
  type ImageLayout,
  linearTable,
  PANEL,
  paddedCorner,
  pixelTable,
  type Runs,
  singleRun,
  TILE,
  windowRuns,
} from "./layouts.ts";
import type { MemoryPlan } from "./memory-plan.ts";
import { planeBytes, tilesOf } from "./network-buffers.ts";
import type { Program } from "./program.ts";

/** What every compiling function writes to: calls, and the memory that they use. */
export interface Emitter {
  readonly memory: MemoryPlan;
  readonly program: Program;
}

/** What becomes of the sums of a convolution. */
export interface Epilogue {
  /** Address of one float an output channel. Default: none. */
  readonly bias?: number;
  readonly relu?: boolean;
  /** Adds to what the output holds; excludes the others. */
  readonly accumulate?: boolean;
}

interface Convolution extends Epilogue {
  readonly input: ImageLayout;
  readonly output: ImageLayout;
  readonly weights: number;
  /** @default 1 */
  readonly groups?: number;
}

/** Rows that the direct kernel takes before it goes to the next panel: 11 blocks of 6, which stay in the first-level cache. */
const ROW_CHUNK = 66;
/** Up to so many rows, threads share panels: the weights, not the activations, are what is read from far. */
const FEW_ROWS = 256;
/** Up to so many tiles, weights are transformed on the way, a panel at a time, and threads share panels. */
const FEW_TILES = 128;
const TILE_CHUNK = 64;

/** From the channels of a group to those of the next. */
export const groupBytes = ({ channels }: ImageLayout, groups: number) => (channels / groups) * 4;

const zeros = ({ memory }: Emitter, channels: number) => memory.shared("zeros", channels * 4);

/** One `convolve` call over tables of rows. */
export function emitRows(
  emitter: Emitter,
  args: Epilogue &
    Runs & {
      readonly input: number;
      readonly inputTable: number;
      readonly weights: number;
      readonly output: number;
      readonly outputTable: number;
      readonly rows: number;
      readonly outputChannels: number;
      /** @default 1 */
      readonly groups?: number;
      /** From the inputs of a group to those of the next. */
      readonly groupBytes?: number;
    },
): void {
  const { bias, relu = false, accumulate = false, outputChannels, rows, groups = 1, groupBytes = 0, ...rest } = args;
  if (rows === 0) return;
  const panels = outputChannels / PANEL;
  const splitPanels = rows <= FEW_ROWS;
  emitter.program.add("convolve", splitPanels ? panels : rows, {
    ...rest,
    rows,
    panels,
    panelsPerGroup: panels / groups,
    groupBytes,
    bias: bias ?? zeros(emitter, outputChannels),
    chunk: ROW_CHUNK,
    accumulate: Number(accumulate),
    relu: Number(relu),
    splitPanels: Number(splitPanels),
  });
}

type StridedConvolution = Convolution & { readonly stride: number };

/** A row of products for each output pixel: the `runs` of its window, which for pixel (0, 0) begins at `window`. */
function emitDirect(emitter: Emitter, options: StridedConvolution, window: number, runs: Runs): void {
  const { input, output, stride, groups = 1, ...rest } = options;
  const { address: inputTable, rows } = pixelTable(emitter.memory, input, stride);
  emitRows(emitter, {
    ...rest,
    ...runs,
    input: window,
    inputTable,
    groups,
    groupBytes: groupBytes(input, groups),
    output: output.origin,
    outputTable: pixelTable(emitter.memory, output).address,
    rows,
    outputChannels: output.channels,
  });
}

/** A 3×3 convolution with padding 1, the direct way: three contiguous runs of pixels for each output pixel. */
export function emitDirect3x3(emitter: Emitter, options: StridedConvolution): void {
  const { input, groups = 1 } = options;
  emitDirect(emitter, options, paddedCorner(input), windowRuns(emitter.memory, input, [3, 3], groups));
}

/** A 1×1 convolution without padding. */
export function emit1x1(emitter: Emitter, options: StridedConvolution): void {
  const { input, groups = 1 } = options;
  emitDirect(emitter, options, input.origin, singleRun(emitter.memory, input.channels / groups));
}

const weightPlaneBytes = (input: number, output: number) => input * output * 4 + 64;

/** Transforms a kernel for {@link emitWinograd} ahead of time; returns its address, or 0 where it is better done on the way. */
export function emitWinogradWeights(
  emitter: Emitter,
  options: Convolution,
  allocate: (bytes: number) => number,
): number {
  const { input, output, weights, groups = 1 } = options;
  if (output.images * tilesOf([output.height, output.width]) <= FEW_TILES) return 0;
  const channels = input.channels / groups;
  const bytes = weightPlaneBytes(channels, output.channels);
  const target = allocate(36 * bytes);
  emitter.program.add("winogradWeights", output.channels / PANEL, {
    weights,
    channels,
    target,
    planeBytes: bytes,
  });
  return target;
}

/**
 * A 3×3 convolution of stride 1 and padding 1 by Winograd F(4×4, 3×3).
 *
 * @param options.planes Where to keep the transformed input of all tiles; default: not kept.
 * @param options.transformed What {@link emitWinogradWeights} returned, if it was called ahead.
 * @see Lavin and Gray 2015. https://arxiv.org/abs/1509.09308
 */
export function emitWinograd(
  emitter: Emitter,
  options: Convolution & { readonly planes?: number; readonly transformed?: number },
): void {
  const { input, output, weights, bias, relu = false, accumulate = false, planes = 0, groups = 1 } = options;
  const { memory, program } = emitter;
  const tilesPerImage = tilesOf([output.height, output.width]);
  const tiles = output.images * tilesPerImage;
  const few = tiles <= FEW_TILES;
  const chunk = few ? tiles : TILE_CHUNK;
  const bytes = planeBytes(few || planes ? tiles : chunk, input.channels);

  let transformed = 0;
  if (!few) {
    transformed =
      options.transformed ||
      emitWinogradWeights(emitter, options, (size) => memory.shared("transformed weights", size));
  }
  const source = {
    input: paddedCorner(input),
    imageBytes: input.imageBytes,
    rowBytes: input.rowBytes,
    channels: input.channels,
    tilesX: Math.ceil(output.width / TILE),
    tilesPerImage,
    planes: few ? planes || memory.shared("planes", 36 * bytes) : planes,
    planeBytes: bytes,
  };
  if (few) program.add("winogradInput", tiles, source);
  program.add("winograd", few ? output.channels / PANEL : Math.ceil(tiles / chunk), {
    ...source,
    transformInput: Number(!few),
    tiles,
    weights: transformed || weights,
    transformed: Number(transformed !== 0),
    weightPlaneBytes: weightPlaneBytes(input.channels / groups, output.channels),
    bias: bias ?? zeros(emitter, output.channels),
    output: output.origin,
    outputImageBytes: output.imageBytes,
    outputRowBytes: output.rowBytes,
    outputChannels: output.channels,
    height: output.height,
    width: output.width,
    groupChannels: input.channels / groups,
    panelsPerGroup: output.channels / PANEL / groups,
    accumulate: Number(accumulate),
    relu: Number(relu),
    chunk,
    splitPanels: Number(few),
  });
}

/** `[N, inFeatures] → [N, outFeatures]`, both dense and in whole panels. */
export function emitLinear(
  emitter: Emitter,
  args: Epilogue & { input: number; output: number; weights: number; rows: number; from: number; to: number },
): void {
  const { from, to, rows, ...rest } = args;
  emitRows(emitter, {
    ...rest,
    ...singleRun(emitter.memory, from),
    inputTable: linearTable(emitter.memory, rows, from * 4),
    outputTable: linearTable(emitter.memory, rows, to * 4),
    rows,
    outputChannels: to,
  });
}
