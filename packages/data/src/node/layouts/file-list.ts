import { resolve } from "node:path";
import type { EncodedDataset, EncodedSample } from "../../encoded-dataset.ts";

export interface FileListData {
  /** Absolute path of a folder. */
  readonly root: string;
  /** Relative to `root`, with forward slashes, or absolute. */
  readonly names: readonly string[];
  readonly labels: ArrayLike<number>;
  readonly classes: readonly string[];
}

/** One file for each image. A million of them take some 100 MB, most of it their names. */
export class FileList implements EncodedDataset {
  readonly length: number;
  readonly classes: readonly string[];
  readonly #data: FileListData;

  constructor(data: FileListData) {
    this.#data = data;
    this.length = data.names.length;
    this.classes = data.classes;
  }

  label(index: number): number {
    return this.#data.labels[index]!;
  }

  sample(index: number): EncodedSample {
    const name = this.#data.names[index]!;
    return { name, file: resolve(this.#data.root, name) };
  }
}
