import { chmod, readdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDataset } from "../open-dataset.ts";
import { jpeg, temporaryFolder, withComment, writeTinyImagenet, writeTree } from "../test-trees.ts";
import { type InspectOptions, inspectDataset } from "./inspect-dataset.ts";
import { quarantine } from "./quarantine.ts";
import { sampleSheet } from "./sample-sheet.ts";

let parent: string;
let root: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder: parent, remove } = await temporaryFolder());
  root = join(parent, "set");
});
afterEach(() => remove());

const inspect = async (options?: InspectOptions) => inspectDataset(await openDataset(root, { strict: false }), options);
const filesOf = (report: Awaited<ReturnType<typeof inspect>>) =>
  Object.fromEntries(report.problems.map(({ code, files }) => [code, files]));

/** A picture with a motif: stripes of the given width, bent by `seed`. */
const picture = (seed: number, { size = 64, quality = 90 } = {}) =>
  sharp(
    Uint8Array.from(
      { length: 64 * 64 },
      (_, p) => 128 + 90 * Math.sin(((p % 64) * (1 + seed) + (p >> 6) * seed * 2) / 9),
    ),
    { raw: { width: 64, height: 64, channels: 1 } },
  )
    .resize(size)
    .jpeg({ quality })
    .toBuffer();

describe("inspectDataset", () => {
  it("counts images, classes, sizes and formats of a good data set, and finds nothing wrong", async () => {
    await writeTinyImagenet(root);
    const { kind, splits, unlabelled, problems } = await inspect();
    expect([kind, unlabelled, problems]).toEqual(["tiny-imagenet", { test: 2 }, []]);
    const size = { min: 64, median: 64, max: 64 };
    expect(splits.train).toMatchObject({
      images: 12,
      classes: 3,
      perClass: [4, 4, 4],
      imbalance: 1,
      width: size,
      height: size,
    });
    expect(splits.val).toMatchObject({ images: 6, formats: { jpeg: 6 } });
  });

  it("lists every broken file with what it is", async () => {
    const good = await jpeg();
    const bomb = Buffer.from(
      "89504e470d0a1a0a0000000d494844520000c3500000c35008020000000000000049454e44ae426082",
      "hex",
    );
    await writeTree(root, {
      "train/a b/good é.jpg": withComment(good, "1"),
      "train/a b/empty.jpg": "",
      "train/a b/page.jpg": "<!DOCTYPE html><html>Not found</html>",
      "train/a b/cut.jpg": good.subarray(0, good.length - 30),
      "train/a b/bomb.png": bomb,
      "train/a b/text.png": "hello",
    });
    await symlink(join(root, "nowhere.jpg"), join(root, "train/a b/dangling.jpg"));
    const report = await inspect();
    expect(filesOf(report)).toEqual({
      "empty-file": ["train/a b/empty.jpg"],
      "not-an-image": ["train/a b/page.jpg", "train/a b/text.png"],
      truncated: ["train/a b/cut.jpg"],
      "too-large": ["train/a b/bomb.png"],
      unreadable: ["train/a b/dangling.jpg"],
    });
    const messages = report.problems.map(({ message }) => message).join("\n");
    expect(messages).toContain("page.jpg (an HTML or XML page, as a failed download leaves)");
    expect(messages).toContain("bomb.png (its header says 50000x50000 pixels)");
    expect(report.splits.train).toMatchObject({ images: 7, perClass: [7] });
  });

  it("finds the same bytes in training and validation, in two classes, and twice in one", async () => {
    const good = await jpeg();
    const image = (text: string) => withComment(good, text);
    await writeTree(root, {
      "train/a/1.jpg": image("leak"),
      "val/a/9.jpg": image("leak"),
      "train/a/2.jpg": image("conflict"),
      "train/b/2.jpg": image("conflict"),
      "train/a/3.jpg": image("twice"),
      "train/a/4.jpg": image("twice"),
      "val/b/1.jpg": image("tWice"),
    });
    expect(filesOf(await inspect())).toEqual({
      leak: ["train/a/1.jpg", "val/a/9.jpg"],
      "conflicting-labels": ["train/a/2.jpg", "train/b/2.jpg"],
      duplicate: ["train/a/3.jpg", "train/a/4.jpg"],
    });
  });

  it("tells of classes of very different sizes", async () => {
    const good = await jpeg();
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`a/${i}.jpg`, withComment(good, `${i}`)]));
    await writeTree(root, { ...many, "b/1.jpg": good });
    const { splits, problems } = await inspect();
    expect([splits.all?.imbalance, problems[0]?.code]).toEqual([12, "imbalanced"]);
    expect(problems[0]?.message).toContain("the class a has 12 images, b only 1");
  });

  it("tells of classes of one image, which cannot be in both parts of a split", async () => {
    const good = await jpeg();
    const two = { "b/1.jpg": withComment(good, "b1"), "b/2.jpg": withComment(good, "b2") };
    await writeTree(root, { "a/1.jpg": good, ...two });
    const { problems } = await inspect();
    expect(problems.map(({ code, severity }) => [code, severity])).toEqual([["single-image", "warning"]]);
    expect(problems[0]?.message).toMatch(/^all: classes of one image, .* \(1\): a\. /);
    const divided = await inspectDataset(await openDataset(root, { split: 0.5 }));
    expect(divided.problems[0]?.message).toMatch(/^train: classes of one image, .* \(1\): a\. /);
  });

  it("keeps the problems of the folders, errors first", async () => {
    const good = await jpeg();
    await writeTree(root, { "train/a/1.jpg": good, "train/b/1.jpg": withComment(good, "b"), "val/1.jpg": good });
    await writeTree(root, { "train/x.jpg": good });
    expect((await inspect()).problems.map(({ code }) => code)).toEqual([
      "flat-val",
      "images-without-class",
      "single-image",
    ]);
  });

  it("with decode finds what only decoding shows, and the same motif in another size and quality", async () => {
    const broken = await sharp(await picture(5))
      .png()
      .toBuffer();
    broken.fill(0, 60, broken.length - 12); // its beginning and end are there
    await writeTree(root, {
      "train/a/1.jpg": await picture(1),
      "train/a/2.jpg": await picture(2),
      "train/a/3.bmp": await readFile(new URL("../fixtures/images/rgb.bmp", import.meta.url)),
      "train/a/broken.png": broken,
      "val/a/1.jpg": await picture(1, { size: 48, quality: 60 }),
      "val/a/3.jpg": await picture(4),
    });
    expect(filesOf(await inspect())).toEqual({});
    expect(filesOf(await inspect({ decode: true }))).toEqual({
      undecodable: ["train/a/broken.png"],
      similar: ["val/a/1.jpg"],
    });
  });

  it("stops when it is told to, and reports how far it is", async () => {
    await writeTinyImagenet(root);
    await expect(inspect({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "E_ABORTED" });
    const progress: number[][] = [];
    await inspect({ onProgress: (...now) => progress.push(now) });
    expect(progress[0]).toEqual([0, 18]);
  });

  it("says that a folder may not be read", async () => {
    await writeTree(root, { "train/a/1.jpg": await jpeg() });
    await chmod(join(root, "train/a"), 0);
    const mayReadAll = process.getuid?.() === 0 || process.platform === "win32";
    const opened = openDataset(root);
    if (mayReadAll) await expect(opened).resolves.toMatchObject({ kind: "image-folder" });
    else await expect(opened).rejects.toThrow("permission denied");
    await chmod(join(root, "train/a"), 0o700);
  });
});

describe("quarantine", () => {
  it("moves the broken files under their own paths, and nothing else", async () => {
    const good = await jpeg();
    await writeTree(root, {
      "train/a/1.jpg": good,
      "train/a/page.jpg": "<html>",
      "val/a/zero.jpg": "",
      "val/a/2.jpg": withComment(good, "2"),
    });
    const dataset = await openDataset(root);
    const report = await inspectDataset(dataset);
    await expect(quarantine(report, dataset, join(root, "bad"))).rejects.toThrow("lies in the data set");
    const moved = await quarantine(report, dataset, join(parent, "bad"));
    expect(moved).toEqual(["train/a/page.jpg", "val/a/zero.jpg"]);
    expect(await readFile(join(parent, "bad/train/a/page.jpg"), "utf8")).toBe("<html>");
    expect(await readdir(join(root, "train/a"))).toEqual(["1.jpg"]);
    expect((await inspect()).problems).toEqual([]);
    await writeTree(root, { "train/a/page.jpg": "<html>" });
    const again = await openDataset(root);
    await expect(quarantine(await inspectDataset(again), again, join(parent, "bad"))).rejects.toThrow(
      "is there already",
    );
  });

  it("leaves tables alone", async () => {
    await writeTree(root, { "t.csv": "path,label\na.jpg,1\n" });
    const dataset = await openDataset(root);
    const report = await inspectDataset(dataset);
    expect(filesOf(report)).toEqual({ unreadable: ["a.jpg"] });
    await expect(quarantine(report, dataset, join(parent, "bad"))).rejects.toMatchObject({ code: "E_UNSUPPORTED" });
  });
});

describe("sampleSheet", () => {
  it("has some images of each class, reduced, and a place for those that cannot be decoded", async () => {
    await writeTree(root, {
      "a/1.jpg": await jpeg({ width: 300, height: 100 }),
      "a/2.jpg": "",
      "b/1.bmp": await readFile(new URL("../fixtures/images/rgb.bmp", import.meta.url)),
    });
    const { splits } = await openDataset(root);
    const rows = await sampleSheet(splits.all!, { perClass: 2, size: 50 });
    expect(
      rows.map(({ images, thumbnails }) => [images, thumbnails.map(({ name, jpeg }) => [name, jpeg !== undefined])]),
    ).toEqual([
      [
        2,
        [
          ["a/1.jpg", true],
          ["a/2.jpg", false],
        ],
      ],
      [1, [["b/1.bmp", true]]],
    ]);
    const { width, height } = await sharp(rows[0]!.thumbnails[0]!.jpeg).metadata();
    expect([width, height]).toEqual([50, 17]);
  });
});
