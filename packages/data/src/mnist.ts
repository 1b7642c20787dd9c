import { RepvggError } from "@repvgg/core";
import { InMemoryDataset } from "./dataset.ts";
import type { IdxArray } from "./idx.ts";

export const MNIST_CLASSES: readonly string[] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/**
 * A data set of the two arrays of an MNIST split (or of Fashion-MNIST and others in the same files, with their own classes).
 *
 * @param images `[N, height, width]`.
 * @param labels `[N]`.
 * @param names What the two are called in messages: their files.
 * @throws {RepvggError} `E_DATA`: the arrays are not these, differ in number, or a label is no class.
 */
export function mnistDataset(
  images: IdxArray,
  labels: IdxArray,
  { classes = MNIST_CLASSES, names = ["The images", "the labels"] as readonly [string, string] } = {},
): InMemoryDataset {
  const [imageName, labelName] = names;
  const [n, height, width] = images.shape;
  if (images.shape.length !== 3 || n === undefined || height === undefined || width === undefined) {
    throw new RepvggError(
      "E_DATA",
      `${imageName} has ${images.shape.length} dimensions; images have 3 (number, height, width). Are images and labels swapped?`,
    );
  }
  if (labels.shape.length !== 1) {
    throw new RepvggError(
      "E_DATA",
      `${labelName} has ${labels.shape.length} dimensions; labels have 1. Are images and labels swapped?`,
    );
  }
  if (labels.shape[0] !== n) {
    throw new RepvggError(
      "E_DATA",
      `${imageName} has ${n} images, ${labelName} ${labels.shape[0]} labels. Take both files of the same split.`,
    );
  }
  if (n === 0) throw new RepvggError("E_DATA", `${imageName} has no images.`);
  return new InMemoryDataset({
    pixels: images.data,
    labels: labels.data,
    classes,
    size: [height, width],
    channels: 1,
  });
}
