import { RepvggError } from "@repvgg/core";
import {
  BatchLoader,
  type ImageDataset,
  isEncoded,
  type LabelledImages,
  type Preprocessing,
  preprocess,
} from "@repvgg/data";
import type { BatchSource } from "@repvgg/distill";

/** Every image once, in order and as it is: what validation and a teacher are asked about. */
export function everyImage(dataset: LabelledImages, preprocessing: Preprocessing, batchSize: number): BatchSource {
  return new BatchLoader({ dataset: decoded(dataset), batchSize, transform: preprocess(preprocessing) });
}

/** @throws {RepvggError} `E_UNSUPPORTED`: the images are on disk, encoded. */
export function decoded(dataset: LabelledImages): ImageDataset {
  if (!isEncoded(dataset)) return dataset;
  throw new RepvggError("E_UNSUPPORTED", "This version trains and validates on MNIST idx files only.");
}
