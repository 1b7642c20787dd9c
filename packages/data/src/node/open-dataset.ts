import { stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { RepvggError } from "@repvgg/core";
import { isEncoded, type LabelledImages } from "../encoded-dataset.ts";
import { stratifiedSplit } from "../stratified-split.ts";
import type { Layout, SplitName } from "./layouts/layout.ts";
import type { Unpacking } from "./layouts/parquet/unpack-images.ts";
import { readFolder, unreadable } from "./layouts/read-folder.ts";
import { readLayoutOfFile, readLayoutOfFolder } from "./recognise-layout.ts";

export interface OpenDatasetOptions {
  /** Share of the images for training, of a data set that has no images for validation; each class keeps its share. */
  split?: number;
  /** Decides which images `split` takes. @default 0 */
  seed?: number;
  /** Throws the first error among the problems; without it they are only listed. @default true */
  strict?: boolean;
  /** Where the images of Parquet files are unpacked to. @default ~/.cache/repvgg/parquet */
  cacheFolder?: string;
  /** Told how many images of a Parquet file are unpacked, where it is not in the cache; 0 before the first. */
  onUnpack?(file: string, done: number, total: number): void;
}

const PARQUET_CACHE = join(homedir(), ".cache", "repvgg", "parquet");

/** A data set, what it was recognised as, and what is wrong with it at first sight. */
export interface OpenedDataset extends Layout<LabelledImages> {
  /** Absolute. */
  readonly path: string;
}

/**
 * Recognises the layout of a folder or file and lists its images. None is decoded.
 *
 * Labels are the places of the class names in sorted order, as torchvision's ImageFolder numbers them. Where there is no part
 * for validation but one for testing, with labels, that is it.
 *
 * @param path A folder, a table (.csv), an archive (.tar), a Parquet file, or a pattern of several: `shard-{000..004}.tar`.
 * @throws {RepvggError} `E_DATA`: it cannot be read, is no layout that is known, or (`strict`) has errors.
 */
export async function openDataset(path: string, options: OpenDatasetOptions = {}): Promise<OpenedDataset> {
  const { split, seed = 0, strict = true, cacheFolder = PARQUET_CACHE } = options;
  const unpacking: Unpacking = { cacheFolder, onUnpack: options.onUnpack };
  const absolute = resolve(path);
  const found = await stat(absolute).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "ENOENT") throw unreadable(path, cause);
    return undefined;
  });
  const layout = found?.isDirectory()
    ? await openFolder(absolute, unpacking)
    : await readLayoutOfFile(absolute, found !== undefined, unpacking);
  const error = layout.problems.find(({ severity }) => severity === "error");
  if (strict && error) throw new RepvggError("E_DATA", `${path}: ${error.message}`);
  return { ...layout, splits: divide(path, testedAsVal(layout.splits), split, seed), path: absolute };
}

/** The folder, or the only one in it, as archives often unpack. */
async function openFolder(root: string, unpacking: Unpacking): Promise<Layout<LabelledImages>> {
  const entries = await readFolder(root);
  const layout = await readLayoutOfFolder(root, entries, unpacking);
  if (layout) return layout;
  const [only, ...more] = entries.folders;
  if (only !== undefined && more.length === 0) return openFolder(join(root, only), unpacking);
  const here = [...entries.folders.map((name) => `${name}/`), ...entries.files];
  throw new RepvggError(
    "E_DATA",
    `${root} is no data set that is known: it has ${here.length === 0 ? "nothing in it" : list(here)}. Known are folders with ` +
      "train/CLASS/ and val/CLASS/ or with CLASS/ alone, Tiny-ImageNet, ImageNet, MNIST idx files, WebDataset archives (.tar), Parquet files and tables (path,label).",
  );
}

const list = (names: readonly string[]) => names.slice(0, 6).join(", ") + (names.length > 6 ? ", ..." : "");

type Splits = Partial<Record<SplitName, LabelledImages>>;

function testedAsVal({ val, test, ...rest }: Splits): Splits {
  return val === undefined && test !== undefined
    ? { ...rest, val: test }
    : { ...rest, ...(val && { val }), ...(test && { test }) };
}

function divide(path: string, splits: Splits, fraction: number | undefined, seed: number): Splits {
  if (fraction === undefined) return splits;
  const whole = splits.all ?? (splits.val === undefined ? splits.train : undefined);
  if (whole === undefined) {
    throw new RepvggError(
      "E_DATA",
      `${path} has its own images for validation, so it cannot be split. Leave the split out.`,
    );
  }
  if (!isEncoded(whole)) {
    throw new RepvggError(
      "E_DATA",
      `${path} lies in memory as a whole, and cannot be split. Add its files for testing.`,
    );
  }
  return stratifiedSplit(whole, { fraction, seed });
}
