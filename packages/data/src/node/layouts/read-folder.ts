import type { Dirent } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { RepvggError } from "@repvgg/core";

/** What systems and tools leave behind in folders; names that begin with a dot are left out as well. */
const LEFT_BY_SYSTEMS = new Set([
  "thumbs.db",
  "ehthumbs.db",
  "desktop.ini",
  "__macosx",
  "@eadir",
  "$recycle.bin",
  "system volume information",
  "lost+found",
]);

/** torchvision's extensions, and GIF's. */
const IMAGE_EXTENSION = /\.(jpe?g|png|ppm|bmp|pgm|tiff?|webp|gif)$/i;

/** Whether a file should be an image by its name. */
export const isImageName = (name: string): boolean => IMAGE_EXTENSION.test(name);

/** `.DS_Store`, `._photo.jpg`, `Thumbs.db`: not part of the data set. */
export const isLeftBySystem = (name: string): boolean =>
  name.startsWith(".") || LEFT_BY_SYSTEMS.has(name.toLowerCase());

/** What lies directly in a folder, each sorted as Python sorts. Links count as what they lead to. */
export interface FolderEntries {
  readonly folders: readonly string[];
  readonly files: readonly string[];
}

/** @throws {RepvggError} `E_DATA`: it is missing, no folder, or may not be read. */
export async function readFolder(folder: string): Promise<FolderEntries> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (cause) {
    throw unreadable(folder, cause);
  }
  const folders: string[] = [];
  const files: string[] = [];
  for (const entry of entries) {
    if (isLeftBySystem(entry.name)) continue;
    const kind = entry.isSymbolicLink() ? await kindOfTarget(join(folder, entry.name)) : kindOf(entry);
    if (kind === "folder") folders.push(entry.name);
    if (kind === "file") files.push(entry.name);
  }
  return { folders: sortByCodePoint(folders), files: sortByCodePoint(files) };
}

/** The same, or undefined where there is no such folder. */
export async function readFolderIfThere(folder: string): Promise<FolderEntries | undefined> {
  const found = await stat(folder).catch(() => undefined);
  return found?.isDirectory() ? readFolder(folder) : undefined;
}

/** A text file's lines without their ends, or undefined where there is no such file. */
export async function readLinesIfThere(file: string): Promise<string[] | undefined> {
  try {
    return (await readFile(file, "utf8")).replace(/^\uFEFF/, "").split(/\r?\n/);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw unreadable(file, cause);
  }
}

/** An error of the file system in words. */
export function unreadable(path: string, cause: unknown): RepvggError {
  const { code, message } = cause as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    ENOENT: "there is nothing of this name. Check the path.",
    ENOTDIR: "it is no folder.",
    EACCES: "permission denied. Change its permissions (chmod), or read it as another user.",
    EPERM: "permission denied. Change its permissions (chmod), or read it as another user.",
    ELOOP: "it is a symbolic link that leads back to itself. Remove the link.",
  };
  return new RepvggError("E_DATA", `${path} cannot be read: ${reasons[code ?? ""] ?? `${message}.`}`, { cause });
}

/** As Python's `sorted`, and so torchvision's label order: JavaScript alone compares UTF-16, which differs beyond U+FFFF. */
export function sortByCodePoint(names: string[]): string[] {
  const isSimple = !names.some((name) => /[\ud800-\udfff]/.test(name));
  return isSimple ? names.sort() : names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

type Kind = "folder" | "file" | "other";

function kindOf(entry: { isDirectory(): boolean; isFile(): boolean }): Kind {
  return entry.isDirectory() ? "folder" : entry.isFile() ? "file" : "other";
}

/** A link to nothing counts as a file, so that it is reported where an image is expected. */
async function kindOfTarget(path: string): Promise<Kind> {
  const target = await stat(path).catch(() => undefined);
  return target ? kindOf(target) : "file";
}
