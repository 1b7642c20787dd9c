/** A loader's test bench: images of many kinds in a folder of their own, and loaders that are closed in the end. */
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import type { EncodedDataset } from "../../encoded-dataset.ts";
import type { Batch } from "../../finish-batch.ts";
import { randAugment, randomHorizontalFlip, randomResizedCrop, resizeAndCropStep } from "../../image/image-steps.ts";
import { IMAGENET_PREPROCESSING, preprocess } from "../../preprocessing.ts";
import { randomErasing } from "../../random-erasing.ts";
import { compose } from "../../transform.ts";
import { ImageLoader } from "./image-loader.ts";
import type { ImageLoaderOptions } from "./image-loader-options.ts";

export const IMAGES = [
  "420.jpg",
  "444.jpg",
  "grey.jpg",
  "palette.png",
  "rgb-alpha.png",
  "cmyk.jpg",
  "lossless.webp",
  "rgb.png",
];
export const preprocessing = { ...IMAGENET_PREPROCESSING, size: [24, 20], resize: 26 } as const;
export const VAL = [resizeAndCropStep(preprocessing)];
export const training = {
  steps: [randomResizedCrop({ size: [24, 20] }), randomHorizontalFlip(), randAugment()],
  transform: compose(preprocess(preprocessing), randomErasing({ probability: 0.5, value: "random" })),
  mix: { mixup: 0.4, cutmix: 1 },
  shuffle: true,
  seed: 7,
} as const;

/** For the tests of a file; everything is removed after each. */
export function loaderBench() {
  const bench = {
    folder: "",
    opened: [] as ImageLoader[],
    datasetOf: (names: readonly string[]): EncodedDataset => ({
      length: names.length,
      classes: ["even", "odd"],
      label: (index) => index % 2,
      sample: (index) => ({ name: names[index]!, file: join(bench.folder, names[index]!) }),
    }),
    /** By default of 40 images: each of the files 5 times. */
    open(options: Partial<ImageLoaderOptions> = {}): ImageLoader {
      const dataset = bench.datasetOf(Array.from({ length: 40 }, (_, i) => IMAGES[i % 8]!));
      const loader = new ImageLoader({ dataset, batchSize: 6, steps: VAL, workers: 2, ...options });
      bench.opened.push(loader);
      return loader;
    },
  };
  beforeEach(async () => {
    bench.opened = [];
    bench.folder = await mkdtemp(join(tmpdir(), "repvgg-loader-"));
    for (const name of IMAGES) {
      await copyFile(new URL(`../fixtures/images/${name}`, import.meta.url), join(bench.folder, name));
    }
  });
  afterEach(async () => {
    await Promise.all(bench.opened.map((loader) => loader.close()));
    await rm(bench.folder, { recursive: true });
  });
  return bench;
}

export async function all(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const made: Batch[] = [];
  for await (const batch of batches) made.push(batch);
  return made;
}

export const failure = (message: RegExp) =>
  expect.objectContaining({ code: "E_DATA", message: expect.stringMatching(message) });
