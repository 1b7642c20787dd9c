import { isEncoded, type LabelledImages } from "../../encoded-dataset.ts";
import { some } from "../layouts/class-folders.ts";
import type { DatasetProblem, SplitName } from "../layouts/layout.ts";
import type { ImageFault } from "./check-image.ts";
import type { SplitReport } from "./dataset-report.ts";

/** One image of one part of a data set. */
export interface FoundImage {
  readonly split: SplitName;
  readonly dataset: LabelledImages;
  readonly index: number;
}

/** What the files are, and what to do. */
const FAULTS: Readonly<Record<ImageFault, readonly [what: string, advice: string]>> = {
  "empty-file": ["Files without bytes", "Fetch or copy them again, or remove them."],
  "not-an-image": ["Files that are named like images, but are none", "Replace or remove them."],
  truncated: ["Images that end too early", "Fetch or copy them again, or remove them."],
  "too-large": [
    "Images of more pixels than can be decoded safely",
    "Check where they come from; make them smaller or remove them.",
  ],
  unreadable: ["Files that cannot be read", "Check that they are there, and their permissions."],
  undecodable: ["Images that cannot be decoded", "Fetch or copy them again, or remove them."],
};

/** From here on the largest class is told to be much larger than the smallest. */
const IMBALANCE = 10;

export const nameOf = ({ dataset, index, split }: FoundImage): string =>
  isEncoded(dataset) ? dataset.sample(index).name : `${split} image ${index}`;

/** One problem for each kind of fault; all files are listed. */
export function problemsOfFaults(
  faults: ReadonlyMap<ImageFault, readonly { image: FoundImage; detail?: string | undefined }[]>,
): DatasetProblem[] {
  return [...faults].map(([fault, found]) => {
    const files = found.map(({ image }) => nameOf(image));
    const described = found.slice(0, 3).map(({ detail }, i) => files[i]! + (detail ? ` (${detail})` : ""));
    const list = some([...described, ...files.slice(3)], 3);
    const [what, advice] = FAULTS[fault];
    return { code: fault, severity: "error", message: `${what} (${found.length}): ${list}. ${advice}`, files };
  });
}

/** @param groups Images of the same bytes. */
export function problemsOfSameContent(groups: readonly (readonly FoundImage[])[]): DatasetProblem[] {
  const leaks: string[][] = [];
  const conflicts: string[][] = [];
  const copies: string[][] = [];
  for (const group of groups) {
    const names = group.map(nameOf);
    const splits = new Set(group.map(({ split }) => split));
    const labels = new Set(group.map(({ dataset, index }) => dataset.classes[dataset.label(index)]));
    if (labels.size > 1) conflicts.push(names);
    if (splits.size > 1) leaks.push(names);
    else if (labels.size === 1) copies.push(names);
  }
  const problem = (code: string, found: readonly string[][], what: string, advice: string): DatasetProblem[] => {
    if (found.length === 0) return [];
    const shown = some(
      found.map((names) => names.slice(0, 3).join(" = ")),
      3,
    );
    return [
      { code, severity: "warning", message: `${what} (${found.length}): ${shown}. ${advice}`, files: found.flat() },
    ];
  };
  return [
    ...problem("leak", leaks, "The same bytes in training and in validation", "Remove one of each."),
    ...problem("conflicting-labels", conflicts, "The same bytes in more than one class", "Decide for one."),
    ...problem("duplicate", copies, "The same bytes more than once in a class", "Such images count more than others."),
  ];
}

export function imbalanceProblems(
  splits: Readonly<Record<string, SplitReport>>,
  classes: readonly string[],
): DatasetProblem[] {
  return Object.entries(splits).flatMap(([split, { imbalance, perClass }]): DatasetProblem[] => {
    if (imbalance < IMBALANCE) return [];
    const filled = [...perClass.keys()].filter((label) => perClass[label]! > 0);
    const largest = filled.reduce((a, b) => (perClass[b]! > perClass[a]! ? b : a));
    const smallest = filled.reduce((a, b) => (perClass[b]! < perClass[a]! ? b : a));
    const message =
      `${split}: the class ${classes[largest]} has ${perClass[largest]} images, ${classes[smallest]} only ${perClass[smallest]}. ` +
      "Accuracy says little of the small classes.";
    return [{ code: "imbalanced", severity: "warning", message }];
  });
}

/** Classes of one image, of which none is for validation: no split can give both parts one. */
export function singleImageProblems(
  { val, ...splits }: Readonly<Record<string, SplitReport>>,
  classes: readonly string[],
): DatasetProblem[] {
  return Object.entries(splits).flatMap(([split, { perClass }]): DatasetProblem[] => {
    const single = classes.filter((_, label) => perClass[label] === 1 && !val?.perClass[label]);
    if (split === "test" || single.length === 0) return [];
    const message =
      `${split}: classes of one image, which training takes, so that none is left to validate with (${single.length}): ` +
      `${some(single, 3)}. Add images, or leave the classes out.`;
    return [{ code: "single-image", severity: "warning", message }];
  });
}
