import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { RepvggError } from "@repvgg/core";
import { type ClassIndex, parseClassIndex } from "../class-index.ts";
import { readFolder, unreadable } from "./layouts/read-folder.ts";
import { splitFolders } from "./layouts/split-folders.ts";

/**
 * Reads which class each output of a network stands for, from a file as {@link parseClassIndex} takes, or from the folder that
 * the network was trained on: the names of its class folders (or of those in its `train/`), sorted, as torchvision numbers them.
 *
 * @throws {RepvggError} `E_DATA`: it cannot be read, or tells no classes.
 */
export async function readClassIndex(path: string): Promise<ClassIndex> {
  const found = await stat(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  if (found.isDirectory()) return { ids: await classFolders(path) };
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  return parseClassIndex(text, path);
}

async function classFolders(path: string): Promise<readonly string[]> {
  const entries = await readFolder(path);
  const { train } = splitFolders(entries);
  const { folders } = train === undefined ? entries : await readFolder(join(path, train));
  if (folders.length > 0) return folders;
  throw new RepvggError(
    "E_DATA",
    `${path} has no class folders in it. Give the folder that the network was trained on, or a class-index file.`,
  );
}
