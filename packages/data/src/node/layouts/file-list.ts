import { resolve } from "node:path";
import type { EncodedSample } from "../../encoded-dataset.ts";
import { type ImageList, ListedImages } from "./listed-images.ts";

/** `names` are relative to `root`, with forward slashes, or absolute. */
export interface FileListData extends ImageList {
  /** Absolute path of a folder. */
  readonly root: string;
}

/** One file for each image. A million of them take some 100 MB, most of it their names. */
export class FileList extends ListedImages<FileListData> {
  sample(index: number): EncodedSample {
    const name = this.list.names[index]!;
    return { name, file: resolve(this.list.root, name) };
  }
}
