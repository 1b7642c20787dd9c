import { basename, dirname, join } from "node:path";
import { RepvggError } from "@repvgg/core";
import { some } from "../class-folders.ts";
import { readClassNames } from "../class-names.ts";
import { classesOfOutputs } from "../free-labels.ts";
import type { DatasetProblem, Layout, SplitName } from "../layout.ts";
import { type LabelledRange, labelledRanges, type RangeList } from "../range-list.ts";
import { readLinesIfThere } from "../read-folder.ts";
import type { SplitFiles } from "../split-files.ts";
import { indexShard } from "./index-shard.ts";

/**
 * WebDataset: tar archives whose samples are neighbours of one name, an image (.jpg, .png, .webp, …) and its class in .cls (a
 * number), .json or .txt. The images are read where they lie.
 *
 * Numbers are labels as they are, so that classes without images keep their outputs; `classes.txt` beside the archives names
 * them. Names are sorted.
 *
 * @throws {RepvggError} `E_DATA`: an archive cannot be read, or nothing in them has a class.
 */
export async function readWebdataset(shards: SplitFiles): Promise<Layout> {
  const problems: DatasetProblem[] = [];
  const images = new Map<SplitName, LabelledRange[]>();
  for (const [split, files] of shards) images.set(split, await readShards(files, problems));
  const all = [...shards.values()].flat();
  const folder = dirname(all[0]!);
  const reference = images.get("train") ?? [...images.values()][0]!;
  const { classIds, classes } = await classesOf(reference, folder, problems);
  const splits: Partial<Record<SplitName, RangeList>> = {};
  for (const [split, found] of images)
    splits[split] = labelledRanges(found, shards.get(split)!, { classIds, classes }, split, problems);
  const [first, last] = [basename(all[0]!), basename(all.at(-1)!)];
  const recognisedBy = all.length === 1 ? first : `${all.length} archives, ${first} to ${last}`;
  return { kind: "webdataset", recognisedBy, classIds, classes, splits, problems };
}

async function readShards(files: readonly string[], problems: DatasetProblem[]): Promise<LabelledRange[]> {
  const labelled: LabelledRange[] = [];
  const unlabelled: string[] = [];
  for (const [place, file] of files.entries()) {
    for (const image of await indexShard(file, problems)) {
      if (image.label === undefined) unlabelled.push(image.name);
      else labelled.push({ ...image, place, label: image.label });
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
  images: readonly LabelledRange[],
  folder: string,
  problems: DatasetProblem[],
): Promise<{ classIds: readonly string[]; classes: readonly string[] }> {
  const lines = (await readLinesIfThere(join(folder, "classes.txt")))?.map((line) => line.trim()).filter(Boolean);
  const found = classesOfOutputs(new Set(images.map(({ label }) => label)), lines, problems);
  return lines ? found : { ...found, classes: (await readClassNames(folder)).of(found.classIds) };
}
