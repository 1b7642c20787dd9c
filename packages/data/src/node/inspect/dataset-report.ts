import type { DatasetKind, DatasetProblem } from "../layouts/layout.ts";

/** Of whole numbers: image widths, images of a class. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** One part of a data set, as it was found. */
export interface SplitReport {
  readonly images: number;
  /** Classes that have images. */
  readonly classes: number;
  /** Images of each class, in label order. */
  readonly perClass: readonly number[];
  /** The largest class's images over the smallest one's; classes without images are left out. */
  readonly imbalance: number;
  readonly sizeBytes: number;
  readonly width: Spread;
  readonly height: Spread;
  /** Images of each file format; absent for images in memory. */
  readonly formats?: Readonly<Record<string, number>>;
}

export interface DatasetReport {
  readonly path: string;
  readonly kind: DatasetKind;
  readonly recognisedBy: string;
  readonly classes: readonly string[];
  readonly splits: Readonly<Record<string, SplitReport>>;
  /** Images without labels, by folder. */
  readonly unlabelled: Readonly<Record<string, number>>;
  readonly problems: readonly DatasetProblem[];
}

export function spreadOf(values: Uint32Array): Spread {
  if (values.length === 0) return { min: 0, median: 0, max: 0 };
  const sorted = values.slice().sort();
  return { min: sorted[0]!, median: sorted[sorted.length >> 1]!, max: sorted.at(-1)! };
}
