import { copyFile, rename, rm, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { RepvggError } from "@repvgg/core";
import { isEncoded } from "../../encoded-dataset.ts";
import type { DatasetKind } from "../layouts/layout.ts";
import { makeFolder } from "../make-folder.ts";
import type { OpenedDataset } from "../open-dataset.ts";
import type { ImageFault } from "./check-image.ts";
import type { DatasetReport } from "./dataset-report.ts";

/** What quarantine takes: files that no training can use. Those that cannot even be read cannot be moved, either. */
const TAKEN: readonly string[] = [
  "empty-file",
  "not-an-image",
  "truncated",
  "too-large",
  "undecodable",
] satisfies ImageFault[];
/** Layouts that lack nothing when a file is gone; tables would list it still, archives hold it. */
const FOLDERS: readonly DatasetKind[] = ["image-folder", "tiny-imagenet", "imagenet"];

/**
 * Moves the broken files of an image folder elsewhere, under their own paths, so that they can be looked at and moved back.
 *
 * @param dataset What the report is of.
 * @returns What was moved: paths relative to the data set, and to `folder`.
 * @throws {RepvggError} `E_UNSUPPORTED`: the images are not in folders; `E_DATA`: `folder` lies in the data set, a file is in
 *   the way, or the file system refuses.
 */
export async function quarantine(report: DatasetReport, dataset: OpenedDataset, folder: string): Promise<string[]> {
  if (!FOLDERS.includes(report.kind)) {
    throw new RepvggError(
      "E_UNSUPPORTED",
      `Only files of image folders can be moved, this is ${report.kind}. Correct the table or the archive instead.`,
    );
  }
  checkOutside(folder, report.path);
  const broken = new Set(report.problems.filter(({ code }) => TAKEN.includes(code)).flatMap(({ files = [] }) => files));
  const moved: string[] = [];
  for (const { name, file } of samplesOf(dataset)) {
    if (!broken.delete(name)) continue; // a set, since parts may share a file
    await move(file, join(folder, name));
    moved.push(name);
  }
  return moved;
}

/** @throws {RepvggError} `E_DATA`: the folder is the data set's own, or in it, where it would be taken for a class. */
function checkOutside(folder: string, dataset: string): void {
  const way = relative(dataset, resolve(folder));
  if (way.startsWith("..") || isAbsolute(way)) return;
  throw new RepvggError(
    "E_DATA",
    `${folder} lies in the data set, where it would be taken for a class. Choose a folder outside.`,
  );
}

function* samplesOf({ splits }: OpenedDataset) {
  for (const dataset of Object.values(splits)) {
    if (!isEncoded(dataset)) continue;
    for (let i = 0; i < dataset.length; i++) yield dataset.sample(i);
  }
}

async function move(from: string, to: string): Promise<void> {
  if (await stat(to).catch(() => undefined)) {
    throw new RepvggError(
      "E_DATA",
      `${to} is there already, from an earlier inspection. Choose another folder, or empty it.`,
    );
  }
  try {
    await makeFolder(dirname(to));
    await renameAcrossDisks(from, to);
  } catch (cause) {
    throw new RepvggError("E_DATA", `${from} cannot be moved to ${to}: ${(cause as Error).message}.`, { cause });
  }
}

async function renameAcrossDisks(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EXDEV") throw cause;
    await copyFile(from, to);
    await rm(from);
  }
}
