import type { Images } from "@repvgg/core";

/** Some images of a data set with what is known of them. */
export interface Batch {
  /** `[N, H, W, C]`, normalised. */
  readonly images: Images;
  /** Class of each image, `[N]`. */
  readonly labels: Int32Array;
  /** Position of each image in the data set, `[N]`: what precomputed teacher logits are looked up by. */
  readonly indices: ArrayLike<number>;
}

/** What a source may tell of its data set, so that a mismatch is found before the first step. */
export interface DataSetFacts {
  readonly length: number;
  /** Class names, in label order. */
  readonly classes?: readonly string[];
  label?(index: number): number;
}

/** All that training needs of a data loader; `BatchLoader` of `@repvgg/data` is one. */
export interface BatchSource {
  /** At least 1, the same in every epoch. */
  readonly batchesPerEpoch: number;
  readonly dataset: DataSetFacts;
  /**
   * The batches of one epoch, beginning at `startBatch`. The same arguments always give the same batches: this is what
   * makes a resumed run equal to an uninterrupted one.
   */
  batches(epoch: number, startBatch?: number): AsyncIterable<Batch>;
}
