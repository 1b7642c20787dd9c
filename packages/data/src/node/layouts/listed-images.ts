import type { EncodedDataset, EncodedSample } from "../../encoded-dataset.ts";

export interface ImageList {
  /** For people, and where the images are files, to find them. */
  readonly names: readonly string[];
  readonly labels: ArrayLike<number>;
  readonly classes: readonly string[];
}

/** Images of which everything is known beforehand but their bytes. */
export abstract class ListedImages<List extends ImageList> implements EncodedDataset {
  readonly length: number;
  readonly classes: readonly string[];
  protected readonly list: List;

  constructor(list: List) {
    this.list = list;
    this.length = list.names.length;
    this.classes = list.classes;
  }

  label(index: number): number {
    return this.list.labels[index]!;
  }

  abstract sample(index: number): EncodedSample;
}
