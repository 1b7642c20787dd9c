import { RepvggError } from "@repvgg/core";
import type { ImageBatch, Transform } from "./transform.ts";

export interface NormalizeOptions {
  /** Mean of each channel, of pixels in [0, 1]. One number stands for all channels. */
  mean: readonly number[];
  /** Standard deviation of each channel, of pixels in [0, 1]. One number stands for all channels. */
  std: readonly number[];
}

/**
 * Bytes to float32.
 *
 *     y = (x / 255 − mean) / std
 *
 * @throws {RepvggError} `E_DATA`: `mean` and `std` are not finite numbers for 1 or C channels, or a `std` is not above 0.
 */
export function normalize({ mean, std }: NormalizeOptions): Transform {
  checkStatistics(mean, std);
  let tables: Float32Array[] = [];
  return (batch) => {
    const channels = batch.shape[3];
    if (mean.length !== 1 && mean.length !== channels) {
      throw new RepvggError(
        "E_DATA",
        `normalize has statistics of ${mean.length} channels, the images have ${channels}.`,
      );
    }
    if (tables.length !== channels) tables = tablesOf(mean, std, channels);
    return { shape: batch.shape, data: lookUp(bytesOf(batch, "normalize"), channels, tables) };
  };
}

/**
 * Repeats grey images over `channels` equal channels; images that have this many already stay as they are.
 *
 * @throws {RepvggError} `E_DATA`: the images have neither 1 nor `channels` channels.
 */
export function repeatChannels(channels: number): Transform {
  return (batch) => {
    const [n, height, width, own] = batch.shape;
    if (own === channels) return batch;
    if (own !== 1) throw cannotRepeat(own, channels);
    const { data: from } = batch;
    const data =
      from instanceof Uint8Array ? new Uint8Array(from.length * channels) : new Float32Array(from.length * channels);
    for (let i = 0, at = 0; i < from.length; i++) {
      const value = from[i]!;
      for (let c = 0; c < channels; c++) data[at++] = value;
    }
    return { shape: [n, height, width, channels], data };
  };
}

/** The value of every byte, for each channel; every step is rounded to float32, as torchvision's ToTensor and Normalize do. */
export function tablesOf(mean: readonly number[], std: readonly number[], channels: number): Float32Array[] {
  return Array.from({ length: channels }, (_, c) => {
    const m = mean[mean.length === 1 ? 0 : c]!;
    const s = std[std.length === 1 ? 0 : c]!;
    const { fround } = Math;
    return Float32Array.from({ length: 256 }, (_, byte) => fround(fround(byte / 255) - fround(m)) / fround(s));
  });
}

/**
 * Looks up bytes of `channels` channels, or of one grey channel for all `tables.length` of them.
 *
 * @param data Where the values go. @default a new array
 * @returns `data`: as many pixels, of `tables.length` channels.
 */
export function lookUp(
  from: Uint8Array,
  channels: number,
  tables: readonly Float32Array[],
  data: Float32Array = new Float32Array((from.length / channels) * tables.length),
): Float32Array {
  if (channels === 3 && tables.length === 3) return lookUpColours(from, tables, data);
  const outChannels = tables.length;
  const pixels = from.length / channels;
  for (let c = 0; c < outChannels; c++) {
    const table = tables[c]!;
    const source = channels === 1 ? 0 : c;
    for (let p = 0, at = c; p < pixels; p++, at += outChannels) data[at] = table[from[p * channels + source]!]!;
  }
  return data;
}

/** The usual case in one pass: a batch is larger than the caches. */
function lookUpColours(from: Uint8Array, tables: readonly Float32Array[], data: Float32Array): Float32Array {
  const [red, green, blue] = tables as [Float32Array, Float32Array, Float32Array];
  for (let i = 0; i < from.length; i += 3) {
    data[i] = red[from[i]!]!;
    data[i + 1] = green[from[i + 1]!]!;
    data[i + 2] = blue[from[i + 2]!]!;
  }
  return data;
}

export function bytesOf(batch: ImageBatch, name: string): Uint8Array {
  if (batch.data instanceof Uint8Array) return batch.data;
  throw new RepvggError(
    "E_DATA",
    `${name} takes bytes, but the images are normalised already: use it once, after the augmentations.`,
  );
}

export function cannotRepeat(own: number, channels: number): RepvggError {
  return new RepvggError(
    "E_DATA",
    `Images of ${own} channels cannot be given to a network of ${channels}: only grey images (1 channel) are repeated.`,
  );
}

export function checkStatistics(mean: readonly number[], std: readonly number[]): void {
  const fits = mean.length > 0 && mean.length === std.length;
  if (!fits || !mean.every(Number.isFinite) || !std.every((s) => Number.isFinite(s) && s > 0)) {
    throw new RepvggError(
      "E_DATA",
      `mean and std must be equally many finite numbers, std above 0, got [${mean.join(", ")}] and [${std.join(", ")}].`,
    );
  }
}
