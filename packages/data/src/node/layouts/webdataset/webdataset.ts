import { basename, dirname, join } from "node:path";
import { RepvggError } from "@repvgg/core";
import { some } from "../class-folders.ts";
import { readClassNames } from "../class-names.ts";
import { classesOfLabels, labelsOf } from "../free-labels.ts";
import type { DatasetProblem, Layout, SplitName } from "../layout.ts";
import { RangeList } from "../range-list.ts";
import { type FolderEntries, readFolder, readLinesIfThere } from "../read-folder.ts";
import { splitFolders, splitOf } from "../split-folders.ts";
import { indexShard, type ShardImage } from "./index-shard.ts";

/** The archives of each part. */
type Shards = ReadonlyMap<SplitName, readonly string[]>;
interface LabelledImage extends ShardImage {
  readonly file: string;
  readonly label: string;
}

const isTar = (name: string) => /\.tar$/i.test(name);
/** More classes than any label's number may stand for. */
const MOST_CLASSES = 100_000;

/** The archives of a folder: beside one another (`train-000.tar`, `val-000.tar`), or in `train/` and `val/`. */
export async function findShards(root: string, entries: FolderEntries): Promise<Shards | undefined> {
  const folders = Object.entries(splitFolders(entries));
  if (folders.length === 0) {
    const here = entries.files.filter(isTar).map((name) => join(root, name));
    return here.length > 0 ? bySplit(here) : undefined;
  }
  const shards = new Map<SplitName, string[]>();
  for (const [split, folder] of folders) {
    const inside = await readFolder(join(root, folder));
    if (inside.folders.length > 0) return undefined; // class folders, and archives that nobody removed
    const files = inside.files.filter(isTar).map((name) => join(root, folder, name));
    if (files.length > 0) shards.set(split as SplitName, files);
  }
  return shards.size > 0 ? shards : undefined;
}

/** By a word of their names; archives without one are for `all`, where no other names a part. */
export function bySplit(files: readonly string[]): Shards {
  const shards = new Map<SplitName, string[]>();
  for (const file of files) {
    const words = basename(file)
      .toLowerCase()
      .split(/[^a-z]+/);
    const split = words.map(splitOf).find((found) => found !== undefined) ?? "all";
    shards.set(split, [...(shards.get(split) ?? []), file]);
  }
  const whole = shards.get("all");
  if (whole && shards.size > 1) {
    throw new RepvggError(
      "E_DATA",
      `Some archives name their part (train, val, test), others do not: ${some(whole.map((file) => basename(file)))}. Rename these, or move them away.`,
    );
  }
  return shards;
}

/**
 * WebDataset: tar archives whose samples are neighbours of one name, an image (.jpg, .png, .webp, …) and its class in .cls (a
 * number), .json or .txt. The images are read where they lie.
 *
 * Numbers are labels as they are, so that classes without images keep their outputs; `classes.txt` beside the archives names
 * them. Names are sorted.
 *
 * @throws {RepvggError} `E_DATA`: an archive cannot be read, or nothing in them has a class.
 */
export async function readWebdataset(shards: Shards): Promise<Layout> {
  const problems: DatasetProblem[] = [];
  const images = new Map<SplitName, LabelledImage[]>();
  for (const [split, files] of shards) images.set(split, await readShards(files, problems));
  const all = [...shards.values()].flat();
  const folder = dirname(all[0]!);
  const reference = images.get("train") ?? [...images.values()][0]!;
  const { classIds, classes } = await classesOf(reference, folder, problems);
  const splits: Partial<Record<SplitName, RangeList>> = {};
  for (const [split, found] of images)
    splits[split] = rangeList(found, shards.get(split)!, classIds, classes, split, problems);
  const [first, last] = [basename(all[0]!), basename(all.at(-1)!)];
  const recognisedBy = all.length === 1 ? first : `${all.length} archives, ${first} to ${last}`;
  return { kind: "webdataset", recognisedBy, classIds, classes, splits, problems };
}

async function readShards(files: readonly string[], problems: DatasetProblem[]): Promise<LabelledImage[]> {
  const labelled: LabelledImage[] = [];
  const unlabelled: string[] = [];
  for (const file of files) {
    for (const image of await indexShard(file, problems)) {
      if (image.label === undefined) unlabelled.push(image.name);
      else labelled.push({ ...image, file, label: image.label });
    }
  }
  if (labelled.length === 0 && !problems.some(({ severity }) => severity === "error")) {
    const what = unlabelled.length > 0 ? `${unlabelled.length} images, but none with a class` : "no images";
    throw new RepvggError(
      "E_DATA",
      `${files[0]}${files.length > 1 ? ` and ${files.length - 1} more have` : " has"} ${what}. Each sample needs an image and a file ` +
        "of the same name with its class: 0001.jpg and 0001.cls (or .json, .txt).",
    );
  }
  if (unlabelled.length > 0) {
    const message = `${unlabelled.length} images have no class (.cls, .json or .txt of the same name beside them): ${some(unlabelled)}. They are left out.`;
    problems.push({ code: "not-annotated", severity: "warning", message, files: unlabelled });
  }
  return labelled;
}

async function classesOf(
  images: readonly LabelledImage[],
  folder: string,
  problems: DatasetProblem[],
): Promise<{ classIds: readonly string[]; classes: readonly string[] }> {
  const lines = (await readLinesIfThere(join(folder, "classes.txt")))?.map((line) => line.trim()).filter(Boolean);
  const labels = new Set(images.map(({ label }) => label));
  const found = classesOfLabels(labels, lines);
  const largest = Number(found.classIds.at(-1));
  const areNumbers = lines === undefined && Number.isInteger(largest) && largest < MOST_CLASSES;
  if (!areNumbers)
    return {
      classIds: found.classIds,
      classes: lines ? found.classes : (await readClassNames(folder)).of(found.classIds),
    };
  const classIds = Array.from({ length: largest + 1 }, (_, label) => String(label));
  const empty = classIds.filter((id) => !labels.has(id));
  if (empty.length > 0) {
    const message = `No image has the labels ${some(empty)}. They keep their outputs; labels begin with 0.`;
    problems.push({ code: "empty-class", severity: "warning", message });
  }
  return { classIds, classes: classIds };
}

function rangeList(
  images: readonly LabelledImage[],
  files: readonly string[],
  classIds: readonly string[],
  classes: readonly string[],
  split: SplitName,
  problems: DatasetProblem[],
): RangeList {
  const { kept: names, keptIndices, labels } = labelsOf(images, classIds, split, problems);
  const kept = keptIndices.map((i) => images[i]!);
  const place = new Map(files.map((file, i) => [file, i]));
  return new RangeList({
    files,
    fileOf: Uint32Array.from(kept, ({ file }) => place.get(file)!),
    offsets: Float64Array.from(kept, ({ offset }) => offset),
    lengths: Float64Array.from(kept, ({ length }) => length),
    names,
    labels,
    classes,
  });
}
