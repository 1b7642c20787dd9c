import { stat } from "node:fs/promises";
import { join } from "node:path";
import { RepvggError } from "@repvgg/core";
import { isImageName, readFolder, sortByCodePoint } from "./read-folder.ts";

/** All files below a folder, by their names. Paths are relative to it, with forward slashes. */
export interface ImageListing {
  /** In torchvision's order: folder by folder, sorted by path, then by name. */
  readonly images: readonly string[];
  /** Files that are no images by their names. */
  readonly others: readonly string[];
}

/**
 * Finds the images below a folder, however deep. Links are followed.
 *
 * @throws {RepvggError} `E_DATA`: a folder cannot be read, or a link leads back to a folder that it lies in.
 */
export async function listImages(folder: string): Promise<ImageListing> {
  const found = new Map<string, readonly string[]>(); // by folder
  await walk(folder, "", [], found);
  const images: string[] = [];
  const others: string[] = [];
  for (const path of sortByCodePoint([...found.keys()])) {
    for (const name of found.get(path)!)
      (isImageName(name) ? images : others).push(path === "" ? name : `${path}/${name}`);
  }
  return { images, others };
}

async function walk(
  root: string,
  path: string,
  ancestors: readonly string[],
  found: Map<string, readonly string[]>,
): Promise<void> {
  const folder = join(root, path);
  const { folders, files } = await readFolder(folder);
  found.set(path, files);
  if (folders.length === 0) return;
  const inside = [...ancestors, await identityOf(folder)];
  for (const name of folders) {
    const below = join(folder, name);
    if (inside.includes(await identityOf(below))) {
      throw new RepvggError(
        "E_DATA",
        `${below} is a symbolic link to a folder that it lies in, so walking through it would never end. Remove the link.`,
      );
    }
    await walk(root, path === "" ? name : `${path}/${name}`, inside, found);
  }
}

async function identityOf(folder: string): Promise<string> {
  const { dev, ino } = await stat(folder, { bigint: true });
  return `${dev}:${ino}`;
}
