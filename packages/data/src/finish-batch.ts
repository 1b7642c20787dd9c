import { type Images, RepvggError } from "@repvgg/core";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";
import { type MixOptions, type Mixture, mixBatch, mixes } from "./batch-mix.ts";
import { generatorOf } from "./random.ts";
import type { ImageBatch, Transform } from "./transform.ts";

export interface Batch {
  /** `[N, H, W, C]`, freshly allocated unless the loader was told that it may use memory again. */
  readonly images: Images;
  /** `[N]`. */
  readonly labels: Int32Array;
  /** Positions in the loader's data set, `[N]`. */
  readonly indices: Int32Array;
  /** Present when the images were blended with each other; `labels` are then those of the images without blending. */
  readonly mixture?: Mixture;
}

/** Images that were read, on their way to a batch. */
export interface RawBatch extends Omit<Batch, "images" | "mixture"> {
  readonly epoch: number;
  /** The number of the batch in its epoch. */
  readonly batch: number;
  /** Bytes. */
  readonly images: ImageBatch;
}

export interface FinishOptions {
  readonly seed: number;
  readonly transform: Transform;
  readonly mix: MixOptions;
}

/** Keeps the random numbers of a batch apart from those of an image. */
const MIX_STREAM = 1;

/**
 * Bytes to a batch: the transform, then blending.
 *
 * @param streams Beside seed, epoch and index, what decides the random numbers of an image.
 * @throws {RepvggError} `E_DATA`: the transform gives bytes; what it throws itself.
 */
export function finishBatch(raw: RawBatch, { seed, transform, mix }: FinishOptions, ...streams: number[]): Batch {
  const { epoch, batch, labels, indices } = raw;
  const generators: RandomGenerator[] = [];
  const random = (k: number) => (generators[k] ??= generatorOf(seed, epoch, indices[k]!, ...streams));
  const { shape, data } = transform(raw.images, { random });
  if (data instanceof Uint8Array) {
    throw new RepvggError("E_DATA", "The loader's transform gives bytes; end it with normalize() or preprocess().");
  }
  const images = { shape, data };
  if (!mixes(mix)) return { images, labels, indices };
  return { images, labels, indices, mixture: mixBatch(images, mix, generatorOf(seed, epoch, batch, MIX_STREAM)) };
}
