import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isEncoded, type LabelledImages } from "../../../encoded-dataset.ts";
import { resizeAndCropStep } from "../../../image/image-steps.ts";
import { tarOf } from "../../../tar/test-tar.ts";
import { ImageLoader } from "../../loader/image-loader.ts";
import { openDataset } from "../../open-dataset.ts";
import { jpeg, temporaryFolder, writeTree } from "../../test-trees.ts";
import { expandBraces } from "./expand-braces.ts";

let root: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder: root, remove } = await temporaryFolder());
});
afterEach(() => remove());

/** `[name, label]` of every image. */
function contents(dataset: LabelledImages | undefined): [string, number][] {
  if (dataset === undefined || !isEncoded(dataset)) throw new Error("There is no such split of encoded images.");
  return Array.from({ length: dataset.length }, (_, i) => [dataset.sample(i).name, dataset.label(i)]);
}
const codes = (problems: readonly { code: string }[]) => problems.map(({ code }) => code);

describe("a WebDataset", () => {
  it("is archives whose samples have an image and a number, a JSON object or a name", async () => {
    await writeTree(root, {
      "train-000.tar": tarOf({ "0.jpg": "a", "0.cls": "1\n", "0.json": "{}", "1.json": '{"label": 0}', "1.png": "b" }),
      "train-001.tar": tarOf({ "2.__key__": "2", "2.webp": "c", "2.cls": "3" }),
      "val-000.tar": tarOf({ "dir/7.jpeg": "d", "dir/7.cls": "1" }),
    });
    const { kind, recognisedBy, classes, splits, problems } = await openDataset(root);
    expect([kind, recognisedBy]).toEqual(["webdataset", "3 archives, train-000.tar to val-000.tar"]);
    expect(classes).toEqual(["0", "1", "2", "3"]); // numbers are outputs: 2 keeps its own without images
    expect(codes(problems)).toEqual(["empty-class"]);
    expect(contents(splits.train)).toEqual([
      ["train-000.tar/0.jpg", 1],
      ["train-000.tar/1.png", 0],
      ["train-001.tar/2.webp", 3],
    ]);
    expect(contents(splits.val)).toEqual([["val-000.tar/dir/7.jpeg", 1]]);
    const { file, offset, length } = (isEncoded(splits.train!) && splits.train.sample(2)) || { file: "" };
    expect((await readFile(file)).subarray(offset, offset! + length!).toString()).toBe("c");
  });

  it("may be one archive, a pattern, or folders of archives; names come from classes.txt", async () => {
    const sample = tarOf({ "0.jpg": "a", "0.cls": "0" });
    const named = tarOf({ "0.jpg": "a", "0.txt": "dog", "1.jpg": "b", "1.json": '{"class": "cat"}' });
    await writeTree(root, {
      "set/train/00.tar": named,
      "set/val/00.tar": named,
      "n/s-0.tar": sample,
      "n/s-1.tar": sample,
    });
    const { classes, splits } = await openDataset(join(root, "set"));
    expect([classes, contents(splits.val)]).toEqual([
      ["cat", "dog"],
      [
        ["00.tar/0.jpg", 1],
        ["00.tar/1.jpg", 0],
      ],
    ]);
    await writeFile(join(root, "n/classes.txt"), "zero\none\n");
    expect((await openDataset(join(root, "n/s-{0..1}.tar"))).splits.all?.length).toBe(2);
    expect((await openDataset(join(root, "n/s-1.tar"))).classes).toEqual(["zero", "one"]);
    await expect(openDataset(join(root, "n/s-{0..2}.tar"))).rejects.toThrow(
      /s-2\.tar cannot be read: there is nothing/,
    );
    const divided = await openDataset(join(root, "n"), { split: 0.5 });
    expect([divided.splits.train?.length, divided.splits.val?.length]).toEqual([1, 1]);
  });

  it("beside class folders is what somebody forgot", async () => {
    await writeTree(root, { "train/a/1.jpg": "x", "set.tar": tarOf({ "0.jpg": "a" }) });
    expect((await openDataset(root)).kind).toBe("image-folder");
  });

  it("that is damaged names the archive and the byte; what is before it is listed", async () => {
    const archive = tarOf({ "0.jpg": "a", "0.cls": "0", "1.jpg": "b".repeat(2000), "1.cls": "0" });
    await writeTree(root, { "s-0.tar": archive.subarray(0, 3000) });
    await expect(openDataset(root)).rejects.toThrow(
      /s-0\.tar is damaged: at byte 2560 it has 440 of the 2000 bytes of "1\.jpg"/,
    );
    const { splits, problems } = await openDataset(root, { strict: false });
    expect([splits.all?.length, codes(problems)]).toEqual([1, ["broken-archive"]]);
  });

  it.each([
    ["no class", { "0.jpg": "a" }, /1 images, but none with a class. Each sample needs/],
    ["no image", { "0.cls": "1" }, /has no images/],
    ["nothing", {}, /has no images/],
  ])("is refused with %s", async (_, files, message) => {
    await writeTree(root, { "s.tar": tarOf(files) });
    await expect(openDataset(root)).rejects.toThrow(message);
  });

  it("reports images without a class, labels that training does not know, and mixed names", async () => {
    await writeTree(root, {
      "train.tar": tarOf({ "0.jpg": "a", "0.cls": "0", "1.jpg": "b", "1.json": "{broken" }),
      "val.tar": tarOf({ "0.jpg": "a", "0.cls": "4" }),
    });
    await expect(openDataset(root)).rejects.toThrow(/val: 1 images have labels that are none of the 1 classes: 4/);
    const { problems } = await openDataset(root, { strict: false });
    expect(codes(problems)).toEqual(["not-annotated", "unknown-label"]);
    await writeTree(root, { "more.tar": tarOf({}) });
    await expect(openDataset(root)).rejects.toThrow(/others do not: more\.tar/);
  });

  it("is loaded by threads, from where the images lie", async () => {
    const image = await jpeg({ width: 20, height: 16 });
    await writeTree(root, { "s.tar": tarOf({ "0.jpg": image, "0.cls": "0", "1.jpg": image, "1.cls": "1" }) });
    const { splits } = await openDataset(root);
    const steps = [resizeAndCropStep({ size: [8, 8], resize: 8, interpolation: "bilinear" })];
    const loader = new ImageLoader({ dataset: splits.all as never, batchSize: 2, steps, workers: 1 });
    for await (const { images, labels } of loader.batches(0)) {
      expect([images.shape, [...labels]]).toEqual([
        [2, 8, 8, 3],
        [0, 1],
      ]);
    }
    await loader.close();
  });
});

describe("expandBraces", () => {
  it.each([
    ["a.tar", ["a.tar"]],
    ["s-{008..010}.tar", ["s-008.tar", "s-009.tar", "s-010.tar"]],
    ["{train,val}-{0..1}", ["train-0", "train-1", "val-0", "val-1"]],
  ])("expands %s", (pattern, names) => {
    expect(expandBraces(pattern)).toEqual(names);
  });

  it.each(["s-{0..", "s-{5..1}.tar", "s-{x}.tar", "{0..999999}{0..9}"])("refuses %s", (pattern) => {
    expect(() => expandBraces(pattern)).toThrow(expect.objectContaining({ code: "E_DATA" }));
  });
});
