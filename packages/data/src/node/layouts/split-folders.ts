import { join } from "node:path";
import { RepvggError } from "@repvgg/core";
import type { EncodedDataset } from "../../encoded-dataset.ts";
import { type ClassFolders, labelByFolder, problemsOf, readClassFolders, some } from "./class-folders.ts";
import type { ClassNames } from "./class-names.ts";
import type { DatasetProblem } from "./layout.ts";
import type { FolderEntries } from "./read-folder.ts";

/** What the parts of a data set are called in folder and file names. */
const SPLIT_WORDS = {
  train: ["train", "training"],
  val: ["val", "valid", "validation"],
  test: ["test", "testing"],
} as const;

/** The part that a name stands for, if it is one of their names. */
export function splitOf(name: string): "train" | "val" | "test" | undefined {
  const word = name.toLowerCase();
  for (const [split, words] of Object.entries(SPLIT_WORDS)) {
    if ((words as readonly string[]).includes(word)) return split as "train" | "val" | "test";
  }
  return undefined;
}

/** The folders `train`, `val` and `test` of a data set, by whatever of their names they have. */
export function splitFolders({ folders }: FolderEntries): Partial<Record<"train" | "val" | "test", string>> {
  const found: Partial<Record<"train" | "val" | "test", string>> = {};
  for (const name of folders) {
    const split = splitOf(name);
    if (split) found[split] ??= name;
  }
  return found;
}

/** A data set whose part for training has class folders, before its part for validation is looked at. */
export interface TrainingFolders {
  readonly root: string;
  readonly training: ClassFolders;
  readonly classIds: readonly string[];
  readonly classes: readonly string[];
  readonly problems: DatasetProblem[];
}

/** @throws {RepvggError} `E_DATA`: there are no class folders, or no images in them. */
export async function readTrainingFolders(root: string, path: string, names: ClassNames): Promise<TrainingFolders> {
  const training = await readClassFolders(root, path);
  const classIds = [...training.classes.keys()];
  const count = [...training.classes.values()].reduce((sum, { images }) => sum + images.length, 0);
  if (count === 0) {
    const loose = training.loose.length;
    throw new RepvggError(
      "E_DATA",
      loose > 0
        ? `${join(root, path)} has ${loose} images, but no class folders with images. Move each image into a folder of its class's name.`
        : `${join(root, path)} has no images in class folders (CLASS/image.jpg). Check the path, or that the data set was unpacked.`,
    );
  }
  return { root, training, classIds, classes: names.of(classIds), problems: problemsOf(training, "error") };
}

/** The part for training, labelled. */
export function trainingSplit({ root, training, classIds, classes }: TrainingFolders): EncodedDataset {
  return labelByFolder(root, training, classIds, classes);
}

/** Whether a folder has its images directly in it, or in one folder that is no class (`val/images/`). */
export function isFlat({ classes, loose }: ClassFolders, classIds: readonly string[]): boolean {
  const folders = [...classes.keys()];
  return folders.length === 0 ? loose.length > 0 : folders.length === 1 && !classIds.includes(folders[0]!);
}

/**
 * Another part of the data set, in class folders, by the labels of the training part.
 *
 * @param advice What to do if the folder is flat.
 * @returns Nothing where the folder is flat, or empty: the problem says so.
 */
export function labelLikeTraining(
  { root, classIds, classes, problems }: TrainingFolders,
  folders: ClassFolders,
  advice: string,
): EncodedDataset | undefined {
  if (isFlat(folders, classIds)) {
    problems.push({
      code: "flat-val",
      severity: "error",
      message: `${folders.path}/ has its images in one folder, so that nothing tells their classes. ${advice}`,
      files: [folders.path],
    });
    return undefined;
  }
  const dataset = labelByFolder(root, folders, classIds, classes);
  problems.push(...problemsOf(folders, "warning"), ...differences(folders, classIds));
  if (dataset.length > 0) return dataset;
  problems.push({
    code: "no-images",
    severity: "error",
    message: `${folders.path}/ has no images in folders of the training classes.`,
    files: [folders.path],
  });
  return undefined;
}

function differences({ path, classes }: ClassFolders, classIds: readonly string[]): DatasetProblem[] {
  const problems: DatasetProblem[] = [];
  const unknown = [...classes.keys()].filter((id) => !classIds.includes(id));
  if (unknown.length > 0) {
    problems.push({
      code: "unknown-class",
      severity: "error",
      message:
        `${path}/ has class folders that the training folder does not have: ${some(unknown)}. ` +
        "Rename them like the training classes, or move them away.",
      files: unknown.map((id) => `${path}/${id}`),
    });
  }
  const absent = classIds.filter((id) => !classes.has(id));
  if (absent.length > 0) {
    problems.push({
      code: "class-not-in-split",
      severity: "warning",
      message: `${path}/ lacks ${absent.length} of the ${classIds.length} training classes: ${some(absent)}.`,
      files: absent.map((id) => `${path}/${id}`),
    });
  }
  return problems;
}
