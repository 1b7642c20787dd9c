import { type Images, RepvggError } from "@repvgg/core";
import type { ImageDataset } from "./dataset.ts";
import { INTERPOLATIONS, type Interpolation } from "./image/resample-weights.ts";
import { bytesOf, cannotRepeat, checkStatistics, lookUp, tablesOf } from "./normalize.ts";
import { type ImageBatch, NO_RANDOMNESS, type Transform } from "./transform.ts";

/** How an image becomes the input of a network: data, kept in the checkpoint beside the weights that were trained with it. */
export interface Preprocessing {
  /** Channels that the network takes. Grey images are repeated to this many. */
  readonly inputChannels: number;
  /** What the network is given. */
  readonly size: readonly [height: number, width: number];
  /** The shorter side is resized to this many pixels, then `size` is cut out of the centre; null: cut out as it is. */
  readonly resize: number | null;
  readonly interpolation: Interpolation;
  /** Of pixels in [0, 1], one for each of `inputChannels`. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** MNIST, its digits repeated to 3 channels. */
export const MNIST_PREPROCESSING: Preprocessing = {
  inputChannels: 3,
  size: [28, 28],
  resize: 28,
  interpolation: "bilinear",
  mean: [0.1307, 0.1307, 0.1307],
  std: [0.3081, 0.3081, 0.3081],
};

/** ImageNet at 224 pixels as the RepVGG authors validate: the shorter side to 256, then the centre. */
export const IMAGENET_PREPROCESSING: Preprocessing = {
  inputChannels: 3,
  size: [224, 224],
  resize: 256,
  interpolation: "bilinear",
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** The seed tutorial's validation: at 224 pixels the shorter side to 224, at any other resolution to 256; then the centre of 224. */
export function getDefaultValTransform(resolution: number): Preprocessing {
  return { ...IMAGENET_PREPROCESSING, resize: resolution === 224 ? 224 : 256 };
}

/**
 * timm's way: the shorter side to `⌊size / cropPct⌋`, then the centre.
 *
 * @throws {RepvggError} `E_DATA`: `cropPct` is not in (0, 1].
 */
export function timmPreprocessing({
  size,
  cropPct = 0.875,
  interpolation = "bicubic",
}: {
  size: number;
  cropPct?: number;
  interpolation?: Interpolation;
}): Preprocessing {
  const resize = Math.floor(size / cropPct);
  return parsePreprocessing({ ...IMAGENET_PREPROCESSING, size: [size, size], resize, interpolation }, "timm's way");
}

/**
 * Checks what was read from a file.
 *
 * @param value An object, or its JSON.
 * @param source Where it comes from, for the message.
 * @throws {RepvggError} `E_DATA`: a field is missing or out of range; the message names it.
 */
export function parsePreprocessing(value: unknown, source = "The preprocessing"): Preprocessing {
  const fail = (what: string, cause?: unknown): never => {
    throw new RepvggError("E_DATA", `${source} ${what}.`, { cause });
  };
  if (typeof value === "string") {
    try {
      value = JSON.parse(value);
    } catch (cause) {
      fail("is not JSON", cause);
    }
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail("must be an object");
  const {
    inputChannels,
    size,
    resize = null,
    interpolation = "bilinear",
    mean,
    std,
  } = value as Record<string, unknown>;
  const isWhole = (n: unknown): n is number => Number.isInteger(n) && (n as number) >= 1;
  const got = (field: unknown) => JSON.stringify(field) ?? "nothing";
  if (!isWhole(inputChannels)) return fail(`must have inputChannels of 1 or more, got ${got(inputChannels)}`);
  if (!Array.isArray(size) || size.length !== 2 || !size.every(isWhole)) {
    return fail(`must have a size of two whole numbers, got ${got(size)}`);
  }
  if (resize !== null && !isWhole(resize)) return fail(`must have a resize of 1 or more or null, got ${got(resize)}`);
  if (resize !== null && resize < Math.max(...size)) {
    return fail(`resizes to ${resize} pixels, which is less than the ${size.join("×")} that are cut out`);
  }
  if (!INTERPOLATIONS.includes(interpolation as Interpolation)) {
    return fail(`must have an interpolation of ${INTERPOLATIONS.join(", ")}, got ${got(interpolation)}`);
  }
  const perChannel = (field: unknown): field is number[] =>
    Array.isArray(field) && field.length === inputChannels && field.every(Number.isFinite);
  if (!perChannel(mean)) return fail(`must have a mean for each of ${inputChannels} channels, got ${got(mean)}`);
  if (!perChannel(std) || !std.every((s) => s > 0)) {
    return fail(`must have a std above 0 for each of ${inputChannels} channels, got ${got(std)}`);
  }
  const [height, width] = size as [number, number];
  return { inputChannels, size: [height, width], resize, interpolation: interpolation as Interpolation, mean, std };
}

/**
 * The end of a pipeline: repeats grey and normalises, in one pass over the batch. The images must have `preprocessing.size`.
 *
 * @throws {RepvggError} `E_DATA`: the preprocessing is not valid, or images have another size or number of channels.
 */
export function preprocess(preprocessing: Preprocessing): Transform {
  const { inputChannels, mean, std } = preprocessing;
  checkStatistics(mean, std);
  const tables = tablesOf(mean, std, inputChannels);
  return (batch) => {
    const [n, height, width, channels] = batch.shape;
    checkPreprocessing(preprocessing, batch.shape);
    return {
      shape: [n, height, width, inputChannels],
      data: lookUp(bytesOf(batch, "preprocess"), channels, tables),
    };
  };
}

/** @throws {RepvggError} `E_DATA`: the preprocessing is not valid, or not for images of this shape. */
export function checkPreprocessing(
  { inputChannels, size, mean, std }: Preprocessing,
  [, height, width, channels]: ImageBatch["shape"],
): void {
  checkStatistics(mean, std);
  if (height !== size[0] || width !== size[1]) {
    throw new RepvggError(
      "E_DATA",
      `The network takes images of ${size.join("×")}, the data set has ${height}×${width}.`,
    );
  }
  if (channels !== 1 && channels !== inputChannels) throw cannotRepeat(channels, inputChannels);
}

/** Some images of a data set, ready for the network. */
export function preprocessImages(
  dataset: ImageDataset,
  indices: ArrayLike<number>,
  preprocessing: Preprocessing,
): Images {
  const { size, channels } = dataset;
  const shape = [indices.length, size[0], size[1], channels] as const;
  const bytes = new Uint8Array(shape[0] * size[0] * size[1] * channels);
  for (let k = 0; k < indices.length; k++) bytes.set(dataset.image(indices[k]!), k * size[0] * size[1] * channels);
  const { shape: outShape, data } = preprocess(preprocessing)({ shape, data: bytes }, NO_RANDOMNESS);
  return { shape: outShape, data: data as Float32Array };
}
