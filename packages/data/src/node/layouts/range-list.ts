import type { EncodedSample } from "../../encoded-dataset.ts";
import { labelsOf } from "./free-labels.ts";
import type { DatasetProblem } from "./layout.ts";
import { type ImageList, ListedImages } from "./listed-images.ts";

export interface RangeListData extends ImageList {
  /** Absolute paths. */
  readonly files: readonly string[];
  /** Of each image: its file's place in `files`, its first byte in it, and its length. */
  readonly fileOf: ArrayLike<number>;
  readonly offsets: ArrayLike<number>;
  readonly lengths: ArrayLike<number>;
}

/** Images that lie after one another in a few large files. */
export class RangeList extends ListedImages<RangeListData> {
  sample(index: number): EncodedSample {
    const { names, files, fileOf, offsets, lengths } = this.list;
    const file = files[fileOf[index]!]!;
    return { name: names[index]!, file, offset: offsets[index]!, length: lengths[index]! };
  }
}

/** An image as it was found, with its class as it is written there. */
export interface LabelledRange {
  readonly name: string;
  readonly label: string;
  /** Place of its file among those of its split. */
  readonly place: number;
  readonly offset: number;
  readonly length: number;
}

/** A split of those whose labels are classes; the others become a problem. */
export function labelledRanges(
  ranges: readonly LabelledRange[],
  files: readonly string[],
  { classIds, classes }: { readonly classIds: readonly string[]; readonly classes: readonly string[] },
  split: string,
  problems: DatasetProblem[],
): RangeList {
  const { kept: names, keptIndices, labels } = labelsOf(ranges, classIds, split, problems);
  const kept = keptIndices.map((i) => ranges[i]!);
  return new RangeList({
    files,
    fileOf: Uint32Array.from(kept, ({ place }) => place),
    offsets: Float64Array.from(kept, ({ offset }) => offset),
    lengths: Float64Array.from(kept, ({ length }) => length),
    names,
    labels,
    classes,
  });
}
