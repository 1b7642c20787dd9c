import { stat } from "node:fs/promises";
import { join } from "node:path";
import { RepvggError } from "@repvgg/core";
import { listImages } from "@repvgg/data/node";

/**
 * The image files that paths name: files as they are, and of a folder all images in it, however deep, in sorted order.
 *
 * @throws {RepvggError} `E_DATA`: a folder cannot be read, or has no images.
 */
export async function imageFiles(paths: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths) {
    const found = await stat(path).catch(() => undefined); // Whoever reads the file says why it cannot be read.
    if (!found?.isDirectory()) {
      files.push(path);
      continue;
    }
    const { images } = await listImages(path);
    if (images.length === 0) {
      throw new RepvggError("E_DATA", `${path} has no images in it, by their names (.jpg, .png, .webp, ...).`);
    }
    files.push(...images.map((name) => join(path, name)));
  }
  return files;
}
