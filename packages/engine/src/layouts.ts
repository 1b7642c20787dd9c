import type { MemoryPlan } from "./memory-plan.ts";

/** Output channels that the kernels handle together. */
export const PANEL = 16;
const FLOAT_BYTES = 4;
/** Output side of a Winograd F(4×4, 3×3) tile. */
export const TILE = 4;

/** Channels rounded up to whole panels. */
export const panelled = (channels: number) => Math.ceil(channels / PANEL) * PANEL;

/** `[N, H, W, C]` in memory, rows and images a fixed number of bytes apart, perhaps with a border of zeros around. */
export interface ImageLayout {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Pixel (0, 0) of image 0. */
  readonly origin: number;
  readonly rowBytes: number;
  readonly imageBytes: number;
}

/** Byte offset of a pixel from `layout.origin`. */
export function pixelOffset(layout: ImageLayout, image: number, y: number, x: number): number {
  return image * layout.imageBytes + y * layout.rowBytes + x * layout.channels * FLOAT_BYTES;
}

/** The address of pixel (−1, −1) of image 0 of a padded layout: where a 3×3 window of padding 1 begins. */
export function paddedCorner(layout: ImageLayout): number {
  return layout.origin - layout.rowBytes - layout.channels * FLOAT_BYTES;
}

/**
 * Copies the first `channels` of each pixel of the first `images` images out of memory, without borders and padding.
 *
 * @returns `[images, height, width, channels]`, row-major.
 */
export function readImages(floats: Float32Array, layout: ImageLayout, images: number, channels: number): Float32Array {
  const result = new Float32Array(images * layout.height * layout.width * channels);
  forEachRun(layout, images, channels, (from, to, length) => {
    result.set(floats.subarray(from, from + length), to);
  });
  return result;
}

/** Adds a dense `[images, height, width, channels]` array to what the layout holds: the inverse of {@link readImages}. */
export function addImages(floats: Float32Array, layout: ImageLayout, channels: number, source: Float32Array): void {
  forEachRun(layout, layout.images, channels, (to, from, length) => {
    for (let i = 0; i < length; i++) floats[to + i]! += source[from + i]!;
  });
}

/** The longest pieces that are contiguous in memory and in a dense array: rows, or pixels where channels are padded. */
function forEachRun(
  layout: ImageLayout,
  images: number,
  channels: number,
  visit: (inMemory: number, inArray: number, length: number) => void,
): void {
  const { height, width } = layout;
  const pixels = channels === layout.channels ? width : 1;
  for (let image = 0; image < images; image++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x += pixels) {
        const inMemory = (layout.origin + pixelOffset(layout, image, y, x)) / FLOAT_BYTES;
        visit(inMemory, ((image * height + y) * width + x) * channels, pixels * channels);
      }
    }
  }
}

type Shape = readonly [images: number, height: number, width: number, channels: number];

/** Rows of pixels without gaps, at an address that the caller has. */
export function denseLayout(origin: number, [images, height, width, channels]: Shape): ImageLayout {
  const rowBytes = width * channels * FLOAT_BYTES;
  return { images, height, width, channels, origin, rowBytes, imageBytes: height * rowBytes };
}

export const bytesOf = (shape: readonly number[]) => shape.reduce((product, n) => product * n, FLOAT_BYTES);

/** One pixel of zeros before, and after as many as the last Winograd tile reaches beyond the image, 1 at least. */
const paddedSide = (size: number) => Math.ceil(size / TILE) * TILE + 2;

/** A new zero-bordered activation, from `allocate`. */
export function paddedLayout(
  allocate: (bytes: number) => number,
  [images, height, width, channels]: Shape,
): ImageLayout {
  const pixelBytes = channels * FLOAT_BYTES;
  const rowBytes = paddedSide(width) * pixelBytes;
  const imageBytes = paddedSide(height) * rowBytes;
  const corner = allocate(images * imageBytes);
  return { images, height, width, channels, origin: corner + rowBytes + pixelBytes, rowBytes, imageBytes };
}

/**
 * A table of the byte offsets, from the layout's origin, of every `stride`-th pixel, image by image and row by row.
 *
 * @param first The first pixel of each image, which chooses one of the stride² phases.
 */
export function pixelTable(
  memory: MemoryPlan,
  layout: ImageLayout,
  stride = 1,
  first: readonly [y: number, x: number] = [0, 0],
): { address: number; rows: number } {
  const { images, height, width, rowBytes, imageBytes, channels } = layout;
  const perColumn = Math.ceil((height - first[0]) / stride);
  const perRow = Math.ceil((width - first[1]) / stride);
  const perImage = perColumn * perRow;
  const rows = images * perImage;
  const key = [rows, perColumn, perRow, stride, ...first, rowBytes, imageBytes, channels].join();
  const address = memory.table(key, rows, (i) => {
    const inImage = i % perImage;
    const y = first[0] + Math.floor(inImage / perRow) * stride;
    const x = first[1] + (inImage % perRow) * stride;
    return pixelOffset(layout, Math.floor(i / perImage), y, x);
  });
  return { address, rows };
}

/** What a row of a convolution reads: runs of adjacent floats, and a table of their byte offsets, the first 0. */
export interface Runs {
  readonly runFloats: number;
  readonly runs: number;
  readonly runTable: number;
}

/** Runs of one group over windows of pixels: rows of them, or, of a part of the channels, one pixel after the other. */
export function windowRuns(
  memory: MemoryPlan,
  layout: ImageLayout,
  [rows, columns]: readonly [rows: number, columns: number],
  groups = 1,
): Runs {
  const perRow = groups === 1 ? 1 : columns;
  const runs = rows * perRow;
  const runTable = memory.table(`runs ${[rows, perRow, layout.rowBytes, layout.channels]}`, runs, (i) =>
    pixelOffset(layout, 0, Math.floor(i / perRow), i % perRow),
  );
  return { runFloats: (columns / perRow) * (layout.channels / groups), runs, runTable };
}

/** One run, from the row's start. */
export function singleRun(memory: MemoryPlan, runFloats: number): Runs {
  return { runFloats, runs: 1, runTable: memory.table("single run", 1, () => 0) };
}

/** A table of multiples of `bytes`. */
export function linearTable(memory: MemoryPlan, rows: number, bytes: number): number {
  return memory.table(`linear ${rows} ${bytes}`, rows, (i) => i * bytes);
}
