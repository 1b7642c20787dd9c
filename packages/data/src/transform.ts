import { RepvggError } from "@repvgg/core";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";

/** Images on their way to a network: bytes 0 to 255, or numbers once they are normalised. NHWC. */
export interface ImageBatch {
  readonly shape: readonly [N: number, H: number, W: number, C: number];
  readonly data: Uint8Array | Float32Array;
}

/** Where a transform takes its randomness from. */
export interface TransformContext {
  /**
   * The generator of the k-th image of the batch. It is made from the loader's seed, the epoch and the image's index, so an
   * image is augmented alike whatever batch it comes in; the transforms of one pipeline draw from it in turn.
   */
  random(k: number): RandomGenerator;
}

/** One step from decoded images to the network's input. It may write over `batch` and return it, or return a new one. */
export type Transform = (batch: ImageBatch, context: TransformContext) => ImageBatch;

/** One transform after the other. */
export function compose(...transforms: readonly Transform[]): Transform {
  return (batch, context) => transforms.reduce((images, transform) => transform(images, context), batch);
}

/** Refuses randomness: for pipelines that must give the same for the same image. */
export const NO_RANDOMNESS: TransformContext = {
  random() {
    throw new RepvggError(
      "E_DATA",
      "A random transform was used where no randomness is provided. Augment in a BatchLoader, which has a seed.",
    );
  },
};
