import type { ImageDataset } from "./dataset.ts";

/** Where the encoded bytes of one image lie. Structured-cloneable, so that a worker thread can read and decode it. */
export interface EncodedSample {
  /** For people, and for errors: a path relative to the data set, or the name inside an archive. */
  readonly name: string;
  /** Absolute path of the file that holds the bytes. */
  readonly file: string;
  /** Where they begin in the file; absent: at its beginning. */
  readonly offset?: number;
  /** How many they are; absent: to the end of the file. */
  readonly length?: number;
}

/**
 * Labelled images as they lie on disk (JPEG, PNG, …), of any sizes. Recognising the layout of a folder gives one; a loader decodes them.
 */
export interface EncodedDataset {
  readonly length: number;
  /** Names, in label order. */
  readonly classes: readonly string[];
  label(index: number): number;
  sample(index: number): EncodedSample;
}

/** A data set of either kind: encoded images of any sizes, or decoded ones of one size. */
export type LabelledImages = EncodedDataset | ImageDataset;

export function isEncoded(dataset: LabelledImages): dataset is EncodedDataset {
  return "sample" in dataset;
}
