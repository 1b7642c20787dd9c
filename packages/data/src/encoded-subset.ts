import { RepvggError } from "@repvgg/core";
import type { EncodedDataset, EncodedSample } from "./encoded-dataset.ts";

/** Some images of an encoded data set, in a given order; labels and classes stay. */
export class EncodedSubset implements EncodedDataset {
  readonly length: number;
  readonly classes: readonly string[];
  readonly #dataset: EncodedDataset;
  readonly #indices: ArrayLike<number>;

  /** @throws {RepvggError} `E_DATA`: an index is outside the data set. */
  constructor(dataset: EncodedDataset, indices: ArrayLike<number>) {
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i]!;
      if (Number.isInteger(index) && index >= 0 && index < dataset.length) continue;
      throw new RepvggError("E_DATA", `There is no image ${index}: the data set has ${dataset.length}.`);
    }
    this.#dataset = dataset;
    this.#indices = indices;
    this.length = indices.length;
    this.classes = dataset.classes;
  }

  label(index: number): number {
    return this.#dataset.label(this.indexInWhole(index));
  }

  sample(index: number): EncodedSample {
    return this.#dataset.sample(this.indexInWhole(index));
  }

  /** Position of an image of this subset in the data set that it was taken from. */
  indexInWhole(index: number): number {
    const whole = this.#indices[index];
    if (whole === undefined)
      throw new RepvggError("E_DATA", `There is no image ${index}: the subset has ${this.length}.`);
    return whole;
  }
}

/**
 * `n` images at equal distances: of a set that is sorted by class, as folders are, every class keeps its share. The first `n`
 * would be of the first classes only.
 *
 *     index[k] = ⌊k · length / n⌋
 *
 * @throws {RepvggError} `E_DATA`: `n` is not between 1 and the number of images.
 */
export function spreadImages(dataset: EncodedDataset, n: number): EncodedSubset {
  if (!Number.isInteger(n) || n < 1 || n > dataset.length) {
    throw new RepvggError("E_DATA", `Cannot take ${n} of ${dataset.length} images; choose 1 to ${dataset.length}.`);
  }
  return new EncodedSubset(
    dataset,
    Float64Array.from({ length: n }, (_, k) => Math.floor((k * dataset.length) / n)),
  );
}
