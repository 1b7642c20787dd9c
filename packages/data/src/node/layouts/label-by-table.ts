import type { EncodedDataset } from "../../encoded-dataset.ts";
import { some } from "./class-folders.ts";
import { FileList } from "./file-list.ts";
import type { TrainingFolders } from "./split-folders.ts";

/** A flat folder of images, and a table that tells their classes. */
export interface TabledFolder {
  readonly root: string;
  /** Relative to `root`. */
  readonly path: string;
  /** Relative to `path`. */
  readonly images: readonly string[];
  /** By the image's name. */
  readonly classOf: ReadonlyMap<string, string>;
  /** The table's file, for messages. */
  readonly table: string;
}

/** Labels a flat folder by its table; what does not fit together becomes problems of the training set. */
export function labelByTable(
  { root, path, images, classOf, table }: TabledFolder,
  { classIds, classes, problems }: TrainingFolders,
): EncodedDataset | undefined {
  const labelOf = new Map(classIds.map((id, label) => [id, label]));
  const names: string[] = [];
  const labels: number[] = [];
  const unlisted: string[] = [];
  const ofUnknownClass: string[] = [];
  for (const image of images) {
    const id = classOf.get(image);
    const label = labelOf.get(id ?? "");
    if (label !== undefined) {
      names.push(`${path}/${image}`);
      labels.push(label);
    } else (id === undefined ? unlisted : ofUnknownClass).push(`${path}/${image}`);
  }
  const there = new Set(images);
  const missing = [...classOf.keys()].filter((name) => !there.has(name)).map((name) => `${path}/${name}`);
  const report = (code: string, severity: "error" | "warning", files: string[], message: string) => {
    if (files.length > 0) problems.push({ code, severity, message, files });
  };
  report(
    "not-annotated",
    "warning",
    unlisted,
    `${path}/ has ${unlisted.length} images that ${table} does not list: ${some(unlisted)}. They are left out.`,
  );
  report(
    "unknown-class",
    "error",
    ofUnknownClass,
    `${table} gives ${ofUnknownClass.length} images a class that the training folder does not have: ${some(ofUnknownClass)}.`,
  );
  report(
    "missing-file",
    "warning",
    missing,
    `${table} lists ${missing.length} images that are not in ${path}/: ${some(missing)}. Is the data set unpacked completely?`,
  );
  if (names.length > 0) return new FileList({ root, names, labels: Int32Array.from(labels), classes });
  problems.push({
    code: "no-images",
    severity: "error",
    message: `${path}/ has no images that ${table} gives a class. Unpack the data set again.`,
    files: [path],
  });
  return undefined;
}
