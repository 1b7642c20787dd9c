import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isEncoded, type LabelledImages } from "../../../encoded-dataset.ts";
import { openDataset } from "../../open-dataset.ts";
import { temporaryFolder } from "../../test-trees.ts";

let folder: string;
let root: string;
let cacheFolder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  [root, cacheFolder] = [join(folder, "set"), join(folder, "cache")];
});
afterEach(() => remove());

const fixture = (name: string) => new URL(`fixtures/${name}.parquet`, import.meta.url);
async function put(...files: readonly [name: string, target: string][]): Promise<void> {
  for (const [name, target] of files) {
    await mkdir(dirname(join(root, target)), { recursive: true });
    await copyFile(fixture(name), join(root, target));
  }
}
const open = (path = root, strict = true) => openDataset(path, { cacheFolder, strict });
function encoded(dataset: LabelledImages | undefined) {
  if (dataset === undefined || !isEncoded(dataset)) throw new Error("There is no such split of encoded images.");
  return dataset;
}
function contents(dataset: LabelledImages | undefined): [string, number][] {
  const images = encoded(dataset);
  return Array.from({ length: images.length }, (_, i) => [images.sample(i).name, images.label(i)]);
}
/** The grey level that make_parquet.py gave an image. */
async function levelOf(dataset: LabelledImages | undefined, index: number): Promise<number> {
  const { file, offset = 0, length = 0 } = encoded(dataset).sample(index);
  const bytes = (await readFile(file)).subarray(offset, offset + length);
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([10, 8]);
  return data[0]!;
}

const TRAIN = ["train-00000-of-00002", "train-00001-of-00002"] as const;

describe("Parquet of Hugging Face", () => {
  it("has its images, of any compression, its labels and their names, by part", async () => {
    await put(...TRAIN.map((name) => [name, `data/${name}.parquet`] as [string, string]));
    await put(["test-00000-of-00001", "data/test-00000-of-00001.parquet"]);
    await writeFile(join(root, "README.md"), "a data set");
    const { kind, recognisedBy, classes, classIds, splits, problems } = await open();
    expect([kind, recognisedBy]).toEqual([
      "parquet",
      "3 files, test-00000-of-00001.parquet to train-00001-of-00002.parquet",
    ]);
    expect([classes, classIds, problems]).toEqual([["cat", "dog", "owl"], ["cat", "dog", "owl"], []]);
    expect(contents(splits.train)).toEqual([
      ["train-00000-of-00002.parquet#0", 2],
      ["train-00000-of-00002.parquet#1", 0],
      ["train-00000-of-00002.parquet#2", 1],
      ["train-00001-of-00002.parquet#0", 1],
      ["train-00001-of-00002.parquet#1", 0],
    ]);
    expect(contents(splits.val).map(([, label]) => label)).toEqual([0, 2]);
    for (const i of [0, 2, 3, 4]) expect(await levelOf(splits.train, i)).toBe(20 * i);
    expect(await levelOf(splits.val, 1)).toBe(120);
  });

  it("may lie in a folder for each part, or be one file; labels may be names", async () => {
    await put([TRAIN[0], "default/train/0000.parquet"], ["test-00000-of-00001", "default/test/0000.parquet"]);
    const { splits } = await open();
    expect([splits.train?.length, splits.val?.length]).toEqual([3, 2]);
    await put(["names", "names.parquet"]);
    const named = await open(join(root, "names.parquet"));
    expect([named.classes, contents(named.splits.all).map(([, label]) => label)]).toEqual([
      ["a", "b"],
      [1, 0],
    ]);
  });

  it("is unpacked once, and again where the file has changed or the cache is damaged", async () => {
    await put([TRAIN[0], "set.parquet"]);
    const told: [string, number, number][] = [];
    const onUnpack = (file: string, done: number, total: number) => told.push([basename(file), done, total]);
    const watched = () => openDataset(root, { cacheFolder, onUnpack });
    const first = encoded((await watched()).splits.all).sample(0).file;
    await watched();
    expect(told).toEqual([0, 2, 3].map((done) => ["set.parquet", done, 3]));
    const cached = (await readdir(cacheFolder)).sort();
    expect(cached.map((name) => name.replace(/^.*\./, ""))).toEqual(["images", "json"]);
    await writeFile(first, "damaged");
    const { splits } = await open();
    expect([encoded(splits.all).sample(0).file, await levelOf(splits.all, 1)]).toEqual([first, 20]);
    await put([TRAIN[1], "set.parquet"]);
    const changed = (await open()).splits.all;
    expect([changed?.length, await levelOf(changed, 0)]).toEqual([2, 60]);
  });

  it("reports files that are missing and images without labels", async () => {
    await put([TRAIN[0], `${TRAIN[0]}.parquet`], ["unlabelled", "test.parquet"]);
    const { splits, unlabelled, problems } = await open();
    expect([Object.keys(splits), unlabelled]).toEqual([["train"], { test: 2 }]);
    expect(problems).toMatchObject([
      { code: "incomplete", message: expect.stringContaining("1 of the 2 files train-*-of-00002.parquet are there") },
    ]);
  });

  it.each([
    ["without a column of images", "text", /has no column of images: it has text \(BYTE_ARRAY\), label \(INT64\)/],
    ["of paths alone", "by-path", /has no images with a class|no bytes of an image/],
    ["without a class", "unlabelled", /has no images with a class/],
  ])("is refused %s", async (_, name, message) => {
    await put([name, "set.parquet"]);
    await expect(open()).rejects.toThrow(
      expect.objectContaining({ code: "E_DATA", message: expect.stringMatching(message) }),
    );
  });

  it("is refused where it is cut off or damaged, and leaves no cache", async () => {
    await put([TRAIN[0], "set.parquet"]);
    const whole = await readFile(join(root, "set.parquet"));
    await writeFile(join(root, "set.parquet"), whole.subarray(0, 2000));
    await expect(open()).rejects.toThrow(/set\.parquet is no complete Parquet file: .* Fetch it again/);
    await writeFile(join(root, "set.parquet"), "PAR1");
    await expect(open()).rejects.toThrow(/is no complete Parquet file/);
    const damaged = Buffer.from(whole).fill(0xff, 4, 200);
    await writeFile(join(root, "set.parquet"), damaged);
    await expect(open()).rejects.toThrow(/set\.parquet is damaged: row group 0 \(rows 0 to 1\)/);
    expect(await readdir(cacheFolder)).toEqual([]);
  });
});
