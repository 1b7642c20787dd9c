import { extname, join } from "node:path";
import { RepvggError } from "@repvgg/core";
import type { LabelledImages } from "../encoded-dataset.ts";
import { isImageTable, readCsvTables } from "./layouts/csv-table.ts";
import { readImageFolder } from "./layouts/image-folder.ts";
import { findImagenet, readImagenet } from "./layouts/imagenet.ts";
import type { Layout } from "./layouts/layout.ts";
import { hasMnistFiles, readMnist } from "./layouts/mnist.ts";
import { readParquet } from "./layouts/parquet/parquet.ts";
import type { Unpacking } from "./layouts/parquet/unpack-images.ts";
import { type FolderEntries, isImageName, readFolder } from "./layouts/read-folder.ts";
import { filesBySplit, findSplitFiles } from "./layouts/split-files.ts";
import { splitFolders, splitOf } from "./layouts/split-folders.ts";
import { readTinyImagenet } from "./layouts/tiny-imagenet.ts";
import { expandBraces } from "./layouts/webdataset/expand-braces.ts";
import { readWebdataset } from "./layouts/webdataset/webdataset.ts";

const TAR = /\.tar$/i;
const PARQUET = /\.parquet$/i;

/**
 * Reads a folder as whichever layout it has, or undefined.
 *
 * @param root Absolute.
 * @param unpacking Of Parquet files.
 */
export async function readLayoutOfFolder(
  root: string,
  entries: FolderEntries,
  unpacking: Unpacking,
): Promise<Layout<LabelledImages> | undefined> {
  if (hasMnistFiles(entries)) return readMnist(root, entries);
  if (await isTinyImagenet(root, entries)) return readTinyImagenet(root);
  const imagenet = await findImagenet(root);
  if (imagenet) return readImagenet(imagenet);
  const tables = await tablesOf(root, entries);
  if (tables.length > 0) return readCsvTables(tables);
  const isImageFolder = await hasClassFolders(root, entries);
  if (splitFolders(entries).train !== undefined || !isImageFolder) {
    const shards = await findSplitFiles(root, entries, TAR);
    if (shards) return readWebdataset(shards);
    const parquet = await findSplitFiles(root, entries, PARQUET);
    if (parquet) return readParquet(parquet, unpacking);
  }
  return isImageFolder ? readImageFolder(root, entries) : undefined;
}

/** Reads a table, or archives by their name or a pattern of it. */
export async function readLayoutOfFile(
  file: string,
  isThere: boolean,
  unpacking: Unpacking,
): Promise<Layout<LabelledImages>> {
  const files = isThere ? [file] : expandBraces(file);
  if (files.every((name) => TAR.test(name))) return readWebdataset(filesBySplit(files));
  if (files.every((name) => PARQUET.test(name))) return readParquet(filesBySplit(files), unpacking);
  if (!isThere)
    throw new RepvggError("E_DATA", `${file} cannot be read: there is nothing of this name. Check the path.`);
  if (extname(file).toLowerCase() === ".csv") return readCsvTables([file]);
  throw new RepvggError(
    "E_DATA",
    `${file} is no data set that is known. Give a folder, a .csv table, .tar archives or .parquet files.`,
  );
}

/** With the validation images still in one folder; scripts that sort them into class folders make an image folder of it. */
async function isTinyImagenet(root: string, { folders }: FolderEntries): Promise<boolean> {
  if (!folders.includes("train") || !folders.includes("val")) return false;
  const val = await readFolder(join(root, "val"));
  return val.files.includes("val_annotations.txt") && val.folders.includes("images");
}

/** `train.csv` and its like, else the only table of images. */
async function tablesOf(root: string, { files }: FolderEntries): Promise<string[]> {
  const tables = files.filter((name) => /\.csv$/i.test(name));
  const bySplit = tables.filter((name) => splitOf(name.replace(/\.csv$/i, "")) !== undefined);
  const chosen = bySplit.some((name) => /^train/i.test(name)) ? bySplit : tables.length === 1 ? tables : [];
  const paths = chosen.map((name) => join(root, name));
  const areTables = await Promise.all(paths.map(isImageTable));
  return paths.filter((_, i) => areTables[i]);
}

async function hasClassFolders(root: string, entries: FolderEntries): Promise<boolean> {
  if (splitFolders(entries).train !== undefined) return true;
  for (const name of entries.folders) {
    const { files, folders } = await readFolder(join(root, name));
    if (files.some(isImageName)) return true;
    if (entries.folders.length === 1) continue; // a folder around the data set rather than its only class
    for (const inner of folders) if ((await readFolder(join(root, name, inner))).files.some(isImageName)) return true;
  }
  return false;
}
