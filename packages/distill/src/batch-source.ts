import type { Batch } from "@repvgg/data";

export type { Batch };

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
  /** Images of a batch, of all but perhaps the last. */
  readonly batchSize?: number;
  readonly dataset: DataSetFacts;
  /**
   * The batches of one epoch, beginning at `startBatch`. The same arguments always give the same batches: this is what
   * makes a resumed run equal to an uninterrupted one.
   */
  batches(epoch: number, startBatch?: number): AsyncIterable<Batch>;
}
