import { basename } from "node:path";
import { RepvggError } from "@repvgg/core";
import { some } from "../class-folders.ts";
import { classesOfOutputs } from "../free-labels.ts";
import type { DatasetProblem, Layout, SplitName } from "../layout.ts";
import { type LabelledRange, labelledRanges, type RangeList } from "../range-list.ts";
import type { SplitFiles } from "../split-files.ts";
import { rowName, type UnpackedImages, type Unpacking, unpackImages } from "./unpack-images.ts";

interface Part {
  /** What the Parquet files were unpacked to. */
  readonly files: readonly string[];
  readonly rows: readonly LabelledRange[];
  readonly unlabelled: number;
  readonly names: readonly string[] | undefined;
}

/**
 * Parquet as Hugging Face's `datasets` writes image sets: a struct of bytes and path, and a label, whose names are in the schema's
 * metadata. The images are unpacked once, into a cache.
 *
 * @throws {RepvggError} `E_DATA`: a file is damaged or has no images; nothing has a class; the cache cannot be written.
 */
export async function readParquet(files: SplitFiles, unpacking: Unpacking): Promise<Layout> {
  const problems: DatasetProblem[] = [];
  const parts = new Map<SplitName, Part>();
  for (const [split, inPart] of files) parts.set(split, await readPart(inPart, unpacking, problems));
  const all = [...files.values()].flat();
  problems.push(...missingFiles(all));
  const reference = parts.get("train") ?? [...parts.values()].find(({ rows }) => rows.length > 0);
  if (reference === undefined || reference.rows.length === 0) {
    throw new RepvggError(
      "E_DATA",
      `${all[0]}${all.length > 1 ? ` and ${all.length - 1} more have` : " has"} no images with a class: no column label, or only empty ones.`,
    );
  }
  const labels = new Set(reference.rows.map(({ label }) => label));
  const { classIds, classes } = classesOfOutputs(labels, reference.names, problems);
  const splits: Partial<Record<SplitName, RangeList>> = {};
  const unlabelled: Record<string, number> = {};
  for (const [split, part] of parts) {
    if (part.unlabelled > 0) unlabelled[split] = part.unlabelled;
    if (part.rows.length > 0)
      splits[split] = labelledRanges(part.rows, part.files, { classIds, classes }, split, problems);
  }
  const [first, last] = [basename(all[0]!), basename(all.at(-1)!)];
  const recognisedBy = all.length === 1 ? first : `${all.length} files, ${first} to ${last}`;
  return {
    kind: "parquet",
    recognisedBy,
    classIds: reference.names ?? classIds,
    classes,
    splits,
    unlabelled,
    problems,
  };
}

async function readPart(files: readonly string[], unpacking: Unpacking, problems: DatasetProblem[]): Promise<Part> {
  const unpacked: UnpackedImages[] = [];
  for (const file of files) unpacked.push(await unpackImages(file, unpacking));
  const rows: LabelledRange[] = [];
  const empty: string[] = [];
  let unlabelled = 0;
  for (const [place, { lengths, labels }] of unpacked.entries()) {
    let offset = 0;
    for (const [row, length] of lengths.entries()) {
      const [name, label] = [rowName(files[place]!, row), labels[row]!];
      if (length === 0) empty.push(name);
      else if (label === null) unlabelled++;
      else rows.push({ name, label, place, offset, length });
      offset += length;
    }
  }
  if (empty.length > 0) {
    const message = `${empty.length} rows have no bytes of an image (only a path, or nothing): ${some(empty)}. They are left out; write the set with its images embedded.`;
    problems.push({ code: "empty-file", severity: "error", message, files: empty });
  }
  return {
    files: unpacked.map(({ file }) => file),
    rows,
    unlabelled,
    names: unpacked.find(({ names }) => names)?.names,
  };
}

/** `train-00000-of-00002.parquet` says how many there should be. */
function missingFiles(files: readonly string[]): DatasetProblem[] {
  const series = new Map<string, { total: number; there: Set<number> }>();
  for (const file of files) {
    const match = /^(.*)-(\d+)-of-(\d+)\.parquet$/i.exec(basename(file));
    if (match === null) continue;
    const name = `${match[1]}-*-of-${match[3]}.parquet`;
    const found = series.get(name) ?? { total: Number(match[3]), there: new Set() };
    found.there.add(Number(match[2]));
    series.set(name, found);
  }
  return [...series].flatMap(([name, { total, there }]): DatasetProblem[] => {
    if (there.size >= total) return [];
    const message = `${there.size} of the ${total} files ${name} are there. Is the data set fetched completely?`;
    return [{ code: "incomplete", severity: "warning", message }];
  });
}
