import type { EncodedDataset, EncodedSample } from "../../encoded-dataset.ts";

export interface RangeListData {
  /** Absolute paths. */
  readonly files: readonly string[];
  /** Of each image: its file's place in `files`, its first byte in it, and its length. */
  readonly fileOf: ArrayLike<number>;
  readonly offsets: ArrayLike<number>;
  readonly lengths: ArrayLike<number>;
  /** For people. */
  readonly names: readonly string[];
  readonly labels: ArrayLike<number>;
  readonly classes: readonly string[];
}

/** Images that lie after one another in a few large files. */
export class RangeList implements EncodedDataset {
  readonly length: number;
  readonly classes: readonly string[];
  readonly #data: RangeListData;

  constructor(data: RangeListData) {
    this.#data = data;
    this.length = data.names.length;
    this.classes = data.classes;
  }

  label(index: number): number {
    return this.#data.labels[index]!;
  }

  sample(index: number): EncodedSample {
    const { names, files, fileOf, offsets, lengths } = this.#data;
    const file = files[fileOf[index]!]!;
    return { name: names[index]!, file, offset: offsets[index]!, length: lengths[index]! };
  }
}
