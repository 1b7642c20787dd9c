import { basename, join } from "node:path";
import { RepvggError } from "@repvgg/core";
import { some } from "./class-folders.ts";
import type { SplitName } from "./layout.ts";
import { type FolderEntries, readFolder } from "./read-folder.ts";
import { splitFolders, splitOf } from "./split-folders.ts";

/** The files of each part. */
export type SplitFiles = ReadonlyMap<SplitName, readonly string[]>;

/** Files of a kind in a folder: beside one another (`train-000.tar`, `val-000.tar`), or in `train/` and `val/`. */
export async function findSplitFiles(
  root: string,
  entries: FolderEntries,
  kind: RegExp,
): Promise<SplitFiles | undefined> {
  const folders = Object.entries(splitFolders(entries));
  if (folders.length === 0) {
    const here = entries.files.filter((name) => kind.test(name)).map((name) => join(root, name));
    return here.length > 0 ? filesBySplit(here) : undefined;
  }
  const found = new Map<SplitName, string[]>();
  for (const [split, folder] of folders) {
    const inside = await readFolder(join(root, folder));
    if (inside.folders.length > 0) return undefined; // class folders, and files that nobody removed
    const files = inside.files.filter((name) => kind.test(name)).map((name) => join(root, folder, name));
    if (files.length > 0) found.set(split as SplitName, files);
  }
  return found.size > 0 ? found : undefined;
}

/** By a word of their names; files without one are for `all`, where no other names a part. */
export function filesBySplit(files: readonly string[]): SplitFiles {
  const found = new Map<SplitName, string[]>();
  for (const file of files) {
    const words = basename(file)
      .toLowerCase()
      .split(/[^a-z]+/);
    const split = words.map(splitOf).find((named) => named !== undefined) ?? "all";
    found.set(split, [...(found.get(split) ?? []), file]);
  }
  const whole = found.get("all");
  if (whole && found.size > 1) {
    throw new RepvggError(
      "E_DATA",
      `Some files name their part (train, val, test), others do not: ${some(whole.map((file) => basename(file)))}. Rename these, or move them away.`,
    );
  }
  return found;
}
