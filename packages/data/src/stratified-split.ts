import { RepvggError } from "@repvgg/core";
import type { EncodedDataset } from "./encoded-dataset.ts";
import { EncodedSubset } from "./encoded-subset.ts";
import { permutation } from "./permutation.ts";

export interface StratifiedSplitOptions {
  /** Share of the images that are for training, in (0, 1). */
  fraction: number;
  /** @default 0 */
  seed?: number;
}

/**
 * Divides a data set in two, each class by the same share. Which images of a class go where depends on the seed and on that
 * class alone; both parts keep the order of the whole.
 *
 * A class of at least two images has at least one in each part; a single image is for training.
 *
 * @throws {RepvggError} `E_DATA`: `fraction` is not between 0 and 1, or no image is left for validation.
 */
export function stratifiedSplit(
  dataset: EncodedDataset,
  { fraction, seed = 0 }: StratifiedSplitOptions,
): { train: EncodedSubset; val: EncodedSubset } {
  if (!(fraction > 0 && fraction < 1)) {
    throw new RepvggError("E_DATA", `The share of images for training must be between 0 and 1, got ${fraction}.`);
  }
  const byClass: number[][] = dataset.classes.map(() => []);
  for (let i = 0; i < dataset.length; i++) byClass[dataset.label(i)]!.push(i);
  const inTraining = new Uint8Array(dataset.length);
  byClass.forEach((indices, label) => {
    const order = permutation(indices.length, seed, label);
    const wanted = Math.round(indices.length * fraction);
    const taken = indices.length < 2 ? indices.length : Math.min(Math.max(wanted, 1), indices.length - 1);
    for (const k of order.subarray(0, taken)) inTraining[indices[k]!] = 1;
  });
  const part = (flag: number) => {
    const chosen: number[] = [];
    inTraining.forEach((is, i) => {
      if (is === flag) chosen.push(i);
    });
    return new EncodedSubset(dataset, chosen);
  };
  const parts = { train: part(1), val: part(0) };
  if (parts.val.length > 0) return parts;
  throw new RepvggError(
    "E_DATA",
    `Of ${dataset.length} images, no class has two, so none can be kept for validation. Add images, or a folder of validation images.`,
  );
}
