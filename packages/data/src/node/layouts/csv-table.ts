import { open, readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { RepvggError } from "@repvgg/core";
import { parseCsv } from "../../csv.ts";
import { FileList } from "./file-list.ts";
import { classesOfLabels, labelsOf } from "./free-labels.ts";
import type { DatasetProblem, Layout, SplitName } from "./layout.ts";
import { isImageName, readLinesIfThere, unreadable } from "./read-folder.ts";
import { splitOf } from "./split-folders.ts";

const PATH_COLUMNS = ["path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path", "img"];
const LABEL_COLUMNS = ["label", "labels", "class", "class_name", "classname", "category", "target", "wnid"];

/** More than the first line of a table has. */
const FIRST_BYTES = 4096;

/** One image of a table. */
interface Row {
  readonly path: string;
  readonly label: string;
  readonly split: SplitName | undefined;
}

/**
 * Tables of paths and labels, `path,label`, with a header or, where the first line is an image already, without. Paths are
 * relative to the table's folder. A third column `split` (train, val) may divide one table.
 *
 * @param files Absolute paths, in one folder; the names `train.csv`, `val.csv` tell the split.
 * @throws {RepvggError} `E_DATA`: a table cannot be read, or has no such columns.
 */
export async function readCsvTables(files: readonly string[]): Promise<Layout> {
  const root = dirname(files[0]!);
  const bySplit = new Map<SplitName, Row[]>();
  for (const file of files) {
    const split = files.length === 1 ? undefined : splitOf(basename(file).replace(/\.csv$/i, ""));
    for (const row of await readTable(file)) {
      const of = row.split ?? split ?? "all";
      const rows = bySplit.get(of) ?? [];
      rows.push(row);
      bySplit.set(of, rows);
    }
  }
  const names = (await readLinesIfThere(join(root, "classes.txt")))?.map((line) => line.trim()).filter(Boolean);
  const reference = bySplit.get("train") ?? [...bySplit.values()][0]!;
  const { classIds, classes } = classesOfLabels(
    reference.map(({ label }) => label),
    names,
  );
  const problems: DatasetProblem[] = [];
  const splits: Partial<Record<SplitName, FileList>> = {};
  for (const [split, rows] of bySplit) {
    const { kept, labels } = labelsOf(
      rows.map(({ label, path }) => ({ label, name: path })),
      classIds,
      split,
      problems,
    );
    splits[split] = new FileList({ root, names: kept, labels, classes });
  }
  return {
    kind: "csv",
    recognisedBy: files.map((file) => basename(file)).join(" and "),
    classIds,
    classes,
    splits,
    problems,
  };
}

/** Whether a file is a table of images: its header, or its first line, says so. */
export async function isImageTable(file: string): Promise<boolean> {
  const first = /^.*/.exec(await firstCharacters(file))![0];
  try {
    return columnsOf(parseCsv(first)[0] ?? []) !== undefined;
  } catch {
    return false; // A table with a broken first line is none of ours.
  }
}

async function firstCharacters(file: string): Promise<string> {
  try {
    const handle = await open(file);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(FIRST_BYTES), 0, FIRST_BYTES, 0);
      return buffer.toString("utf8", 0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch {
    return ""; // Whoever reads the whole file says why it cannot be read.
  }
}

async function readTable(file: string): Promise<Row[]> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw unreadable(file, cause);
  }
  const rows = parseCsv(text, file);
  const header = rows[0];
  if (header === undefined)
    throw new RepvggError("E_DATA", `${file} is empty. It should have the columns path and label.`);
  const columns = columnsOf(header);
  if (columns === undefined) {
    throw new RepvggError(
      "E_DATA",
      `${file} has the columns ${header.join(", ")}; it should have path and label. Rename them in its first line.`,
    );
  }
  const body = rows.slice(columns.hasHeader ? 1 : 0);
  if (body.length === 0) throw new RepvggError("E_DATA", `${file} has a header, but no images.`);
  return body.map((row, i) => {
    const [path, label] = [row[columns.path] ?? "", row[columns.label] ?? ""];
    if (path === "" || label === "") {
      const line = i + (columns.hasHeader ? 2 : 1);
      throw new RepvggError(
        "E_DATA",
        `${file} has no ${path === "" ? "path" : "label"} in row ${line}: ${row.join(",")}`,
      );
    }
    return { path, label, split: splitOf(row[columns.split] ?? "") };
  });
}

interface Columns {
  readonly hasHeader: boolean;
  readonly path: number;
  readonly label: number;
  /** -1: there is none. */
  readonly split: number;
}

function columnsOf(first: readonly string[]): Columns | undefined {
  const names = first.map((name) => name.trim().toLowerCase());
  const find = (known: readonly string[]) => known.map((name) => names.indexOf(name)).find((i) => i >= 0) ?? -1;
  const [path, label] = [find(PATH_COLUMNS), find(LABEL_COLUMNS)];
  if (path >= 0 && label >= 0) return { hasHeader: true, path, label, split: names.indexOf("split") };
  return first.length >= 2 && isImageName(first[0]!) ? { hasHeader: false, path: 0, label: 1, split: -1 } : undefined;
}
