import { RepvggError } from "@repvgg/core";
import { type Box, type ByteImage, checkSize, crop, type Size } from "./byte-image.ts";
import { nearest } from "./nearest.ts";
import { type PackedWeights, packForColumns, packForRows } from "./packed-weights.ts";
import { type Interpolation, type Line, resampleWeights } from "./resample-weights.ts";
import { WasmArena } from "./wasm-arena.ts";

/** What ../../assembly/resample.ts exports. */
export interface ResampleKernels {
  readonly memory: WebAssembly.Memory;
  readonly resampleRows: ResampleRows;
  readonly resampleGreyRows: ResampleRows;
  resampleColumns(source: number, stride: number, target: number, bytes: number, weights: number, pairs: number): void;
}

type ResampleRows = (
  source: number,
  sourceStride: number,
  target: number,
  targetStride: number,
  rows: number,
  columns: number,
  starts: number,
  weights: number,
  groups: number,
) => void;

/** Rows of pixels in the kernels' memory. */
interface Rows {
  readonly at: number;
  readonly stride: number;
  readonly count: number;
}

const PAIR_BYTES = 8;
/** Sizes met lately: all images of a data set may have the same. */
const REMEMBERED_WEIGHTS = 64;

/**
 * Pillow's `Image.resize`, bit for bit, in WebAssembly.
 *
 *     const resampler = await loadResampler();
 *     const small = resampler.resize(image, [256, 384], "bilinear");
 */
export class Resampler {
  readonly #kernels: ResampleKernels;
  readonly #remembered = new Map<string, PackedWeights>();

  constructor(kernels: ResampleKernels) {
    this.#kernels = kernels;
  }

  /**
   * Resizes an image to exactly `size`: along its rows and along its columns, rounded to bytes in between, in the order that Pillow chooses.
   *
   * @param image Borrowed.
   * @param window The part of the result that is wanted; nothing else is computed. @default all of it
   * @param box The part of the image that is resized, as if it had been cut out before. @default all of it
   * @returns A new image of the window's size.
   * @throws {RepvggError} `E_DATA`: a size is no whole number of 1 or more, the window is not inside `size`, or the box not inside
   *   the image; `E_MEMORY`: the image does not fit into 4 GiB.
   */
  resize(image: ByteImage, size: Size, interpolation: Interpolation, window?: Box, box?: Box): ByteImage {
    checkSize(size, "The size to resize to");
    const part = window ?? { top: 0, left: 0, height: size[0], width: size[1] };
    checkWindow(part, size);
    const source = box ?? { top: 0, left: 0, height: image.height, width: image.width };
    checkWindow(source, [image.height, image.width]);
    if (interpolation === "nearest") return nearest(box ? crop(image, box) : image, size, part);
    const across = { inSize: source.width, outSize: size[1], start: part.left, length: part.width };
    const down = { inSize: source.height, outSize: size[0], start: part.top, length: part.height };
    if (!isScaled(across) && !isScaled(down)) {
      return crop(image, { ...part, top: source.top + part.top, left: source.left + part.left });
    }
    return this.#resample(image, source, across, down, interpolation);
  }

  #resample(
    image: ByteImage,
    box: Box,
    across: Line,
    down: Line,
    filter: Exclude<Interpolation, "nearest">,
  ): ByteImage {
    const { channels } = image;
    const stride = across.length * channels;
    const acrossWeights = isScaled(across) ? this.#weights(across, filter, channels) : undefined;
    const downWeights = isScaled(down) ? this.#weights(down, filter) : undefined;
    // Only lines that the wanted ones are made of go in.
    const [first, end] = downWeights ? downWeights.span : [down.start, down.start + down.length];

    const arena = new WasmArena(this.#kernels.memory);
    let rows = placeRows(arena, image, { ...box, top: box.top + first, height: end - first }, acrossWeights?.overrun);
    const columnsFirst = downWeights !== undefined && reducesRowsMore(across, down);
    if (columnsFirst) rows = this.#passDown(arena, rows, downWeights, first);
    rows = acrossWeights
      ? this.#passAcross(arena, rows, acrossWeights, channels)
      : { ...rows, at: rows.at + across.start * channels };
    if (downWeights && !columnsFirst) rows = this.#passDown(arena, rows, downWeights, first, stride);
    return { height: down.length, width: across.length, channels, data: rowsOut(arena, rows, stride) };
  }

  #passAcross(arena: WasmArena, rows: Rows, weights: PackedWeights, channels: number): Rows {
    const { starts, bytes, units, overrun } = weights;
    const stride = starts.length * channels;
    const run = channels === 1 ? this.#kernels.resampleGreyRows : this.#kernels.resampleRows;
    const startsAt = arena.place(new Uint8Array(starts.buffer));
    const weightsAt = arena.place(bytes);
    const at = arena.reserve(rows.count * stride, overrun);
    run(rows.at, rows.stride, at, stride, rows.count, starts.length, startsAt, weightsAt, units);
    return { at, stride, count: rows.count };
  }

  /**
   * @param first The line of the image that the first of `rows` is.
   * @param stride The bytes of a row that are wanted.
   */
  #passDown(arena: WasmArena, rows: Rows, weights: PackedWeights, first: number, stride = rows.stride): Rows {
    const { starts, counts, bytes, units } = weights;
    const weightsAt = arena.place(bytes);
    const at = arena.reserve(starts.length * stride);
    starts.forEach((start, y) => {
      const from = rows.at + (start - first) * rows.stride;
      const pairs = Math.ceil(counts[y]! / 2);
      this.#kernels.resampleColumns(
        from,
        rows.stride,
        at + y * stride,
        stride,
        weightsAt + y * units * PAIR_BYTES,
        pairs,
      );
    });
    return { at, stride, count: starts.length };
  }

  /** @param channels Of rows of pixels; absent: for columns. */
  #weights(line: Line, filter: Exclude<Interpolation, "nearest">, channels?: number): PackedWeights {
    const key = [line.inSize, line.outSize, line.start, line.length, filter, channels].join();
    const known = this.#remembered.get(key);
    if (known) return known;
    if (this.#remembered.size >= REMEMBERED_WEIGHTS) this.#remembered.clear();
    const weights = resampleWeights(line, filter);
    const packed = channels === undefined ? packForColumns(weights) : packForRows(weights, channels);
    this.#remembered.set(key, packed);
    return packed;
  }
}

/** Pillow 13 begins with the columns where this takes away many more rows than columns; before 13, it never did. */
const reducesRowsMore = (across: Line, down: Line) =>
  down.outSize < down.inSize && down.inSize - down.outSize > 2 * (across.inSize - across.outSize);

const isScaled = ({ inSize, outSize }: Line) => inSize !== outSize;

/** A part of an image, in the kernels' memory. */
function placeRows(arena: WasmArena, { data, width, channels }: ByteImage, box: Box, overrun?: number): Rows {
  const stride = box.width * channels;
  const at = arena.reserve(box.height * stride, overrun);
  const { bytes } = arena;
  const copy = (row: number, length: number) => {
    const from = ((box.top + row) * width + box.left) * channels;
    bytes.set(data.subarray(from, from + length), at + row * stride);
  };
  if (box.width === width) copy(0, box.height * stride);
  else for (let y = 0; y < box.height; y++) copy(y, stride);
  return { at, stride, count: box.height };
}

/** The first `bytes` of each row, in the memory of JavaScript. */
function rowsOut(arena: WasmArena, { at, stride, count }: Rows, bytes: number): Uint8Array {
  if (stride === bytes) return arena.bytes.slice(at, at + count * bytes);
  const data = new Uint8Array(count * bytes);
  for (let y = 0; y < count; y++) data.set(arena.bytes.subarray(at + y * stride, at + y * stride + bytes), y * bytes);
  return data;
}

function checkWindow({ top, left, height, width }: Box, size: Size): void {
  checkSize([height, width], "The window");
  const inside = top >= 0 && left >= 0 && top + height <= size[0] && left + width <= size[1];
  if (inside && Number.isInteger(top) && Number.isInteger(left)) return;
  throw new RepvggError(
    "E_DATA",
    `A window of ${height}×${width} at row ${top} and column ${left} is not inside ${size[0]}×${size[1]} pixels.`,
  );
}
