import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { RepvggError } from "@repvgg/core";
import type { LoadedCheckpoint } from "../checkpoint.ts";
import { parseTfjs } from "../tfjs-read.ts";
import { TFJS_MODEL } from "../tfjs-write.ts";
import { removeAtEnd } from "./remove-at-end.ts";
import { reasonOf, writeFileAtomically } from "./write-file-atomically.ts";

/** Of a file in a folder that is read as a model; browsers would not load more either. */
const MAX_FILES = 10_000;

/** Whether a folder holds a TensorFlow.js model. */
export async function isTfjsFolder(folder: string): Promise<boolean> {
  return stat(join(folder, TFJS_MODEL)).then(
    (found) => found.isFile(),
    () => false,
  );
}

/**
 * Reads a network from a folder that `writeTfjsFolder` wrote.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: a file is missing, damaged or of another program.
 */
export async function loadTfjsFolder(folder: string): Promise<LoadedCheckpoint> {
  return parseTfjs(await readTfjsFolder(folder), folder);
}

/** The files of a folder, by name. @throws {RepvggError} `E_CHECKPOINT`: it cannot be read. */
export async function readTfjsFolder(folder: string): Promise<Map<string, Uint8Array>> {
  try {
    const names = (await readdir(folder)).filter((name) => name === TFJS_MODEL || name.endsWith(".bin"));
    if (names.length > MAX_FILES)
      throw new RepvggError("E_CHECKPOINT", `${folder} has ${names.length} files of weights.`);
    const files = new Map<string, Uint8Array>();
    for (const name of names) files.set(name, await readFile(join(folder, name)));
    return files;
  } catch (cause) {
    if (cause instanceof RepvggError) throw cause;
    throw new RepvggError("E_CHECKPOINT", `${folder} cannot be read: ${(cause as Error).message}.`, { cause });
  }
}

/**
 * Writes a folder completely or not at all: under another name beside it, then renamed. A model that was there before is replaced;
 * any other folder is left alone.
 *
 * @param files By name; borrowed.
 * @throws {RepvggError} `E_CHECKPOINT`: something else is there, or it cannot be written.
 */
export async function writeTfjsFolder(folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const hidden = (what: string) =>
    join(dirname(folder), `.${basename(folder)}.${randomBytes(6).toString("hex")}.${what}`);
  const [temporary, replaced] = [hidden("tmp"), hidden("old")];
  const before = await replaceable(folder);
  const keep = removeAtEnd(temporary);
  try {
    await mkdir(temporary);
    for (const [name, bytes] of files) await writeFileAtomically(join(temporary, name), bytes);
    if (before) await rename(folder, replaced);
    await rename(temporary, folder);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {}); // the first failure is the one to report
    if (before) await rename(replaced, folder).catch(() => {}); // it may never have been moved
    if (cause instanceof RepvggError) throw cause;
    throw new RepvggError("E_CHECKPOINT", `${folder} could not be written: ${reasonOf(cause, folder)}`, { cause });
  } finally {
    keep();
  }
  if (before) await rm(replaced, { recursive: true, force: true });
}

/** Whether a model is there, which is replaced. @throws {RepvggError} `E_CHECKPOINT`: something else is. */
async function replaceable(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => undefined);
  if (found === undefined) return false;
  if (found.isDirectory() && (await isTfjsFolder(folder))) return true;
  const what = found.isDirectory() ? "a folder without a TensorFlow.js model" : "a file";
  throw new RepvggError("E_CHECKPOINT", `${folder} could not be written: it is ${what}. Choose another name.`);
}
