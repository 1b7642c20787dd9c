import type { EncodedDataset, LabelledImages } from "../../encoded-dataset.ts";

/** What a folder or file was recognised as. */
export type DatasetKind = "image-folder" | "tiny-imagenet" | "imagenet" | "mnist" | "csv" | "webdataset" | "parquet";

/** `all`: a set that nothing divides into training and validation yet. */
export type SplitName = "train" | "val" | "test" | "all";

/** Something wrong with a data set. Errors make training or validation meaningless; the rest is worth knowing. */
export interface DatasetProblem {
  /** Stable, for scripts. */
  readonly code: string;
  readonly severity: "error" | "warning";
  /** What, why, and what to do. */
  readonly message: string;
  /** The files that it is about, relative to the data set. */
  readonly files?: readonly string[];
}

/** What a reader makes of one layout. */
export interface Layout<Images extends LabelledImages = EncodedDataset> {
  readonly kind: DatasetKind;
  /** What it was recognised by, for people. */
  readonly recognisedBy: string;
  /** Names for people, in label order. */
  readonly classes: readonly string[];
  /** What class maps go by, in label order: WordNet ids, folder names, labels of a table. */
  readonly classIds: readonly string[];
  readonly splits: Readonly<Partial<Record<SplitName, Images>>>;
  /** Images without labels, as the test folders of ImageNet have; by folder. */
  readonly unlabelled?: Readonly<Record<string, number>>;
  readonly problems: readonly DatasetProblem[];
}
