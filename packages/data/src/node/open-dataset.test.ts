import { mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isEncoded, type LabelledImages } from "../encoded-dataset.ts";
import { openDataset } from "./open-dataset.ts";
import { jpeg, temporaryFolder, writeTinyImagenet, writeTree } from "./test-trees.ts";

let root: string;
let remove: () => Promise<void>;
let image: Buffer;
beforeEach(async () => {
  ({ folder: root, remove } = await temporaryFolder());
  image = await jpeg();
});
afterEach(() => remove());

const write = (...paths: string[]) => writeTree(root, Object.fromEntries(paths.map((path) => [path, image])));
/** `[name, label]` of every image. */
function contents(dataset: LabelledImages | undefined): [string, number][] {
  if (dataset === undefined || !isEncoded(dataset)) throw new Error("There is no such split of encoded images.");
  return Array.from({ length: dataset.length }, (_, i) => [dataset.sample(i).name, dataset.label(i)]);
}
const codes = (problems: readonly { code: string }[]) => problems.map(({ code }) => code);

describe("an image folder", () => {
  it("has torchvision's labels and order, and leaves out what systems leave behind", async () => {
    await write(
      "train/b/2.jpg",
      "train/b/10.JPG",
      "train/b/sub/0.png",
      "train/Zebra/1.webp",
      "val/b/v.jpg",
      "val/Zebra/v.jpg",
    );
    await write("train/b/._2.jpg", "train/b/Thumbs.db", "train/.ipynb_checkpoints/1.jpg", "__MACOSX/train/b/2.jpg");
    const { kind, recognisedBy, classes, splits, problems } = await openDataset(root);
    expect([kind, recognisedBy, classes]).toEqual([
      "image-folder",
      "train/ and val/ with class folders",
      ["Zebra", "b"],
    ]);
    expect(contents(splits.train)).toEqual([
      ["train/Zebra/1.webp", 0],
      ["train/b/10.JPG", 1],
      ["train/b/2.jpg", 1],
      ["train/b/sub/0.png", 1],
    ]);
    expect(contents(splits.val)).toEqual([
      ["val/Zebra/v.jpg", 0],
      ["val/b/v.jpg", 1],
    ]);
    expect(problems).toEqual([]);
    const sample = isEncoded(splits.val!) && splits.val.sample(0);
    expect(sample).toEqual({ name: "val/Zebra/v.jpg", file: join(root, "val/Zebra/v.jpg") });
  });

  it("sorts names beyond U+FFFF as Python does", async () => {
    await write("train/\u{1F600}/1.jpg", "train/\uFF21/1.jpg");
    expect((await openDataset(root)).classes).toEqual(["\uFF21", "\u{1F600}"]);
  });

  it("may have class folders alone, which a split divides", async () => {
    await write(...["a", "b"].flatMap((c) => Array.from({ length: 10 }, (_, i) => `${c}/${i}.jpg`)));
    const whole = await openDataset(root);
    expect(Object.keys(whole.splits)).toEqual(["all"]);
    const { splits } = await openDataset(root, { split: 0.8, seed: 1 });
    expect([splits.train?.length, splits.val?.length]).toEqual([16, 4]);
    await write("train/a/1.jpg", "val/a/1.jpg");
    await expect(openDataset(root, { split: 0.8 })).rejects.toThrow("has its own images for validation");
  });

  it("goes by other names of its folders, and validates on labelled test images where there are no others", async () => {
    await write("Training/a/1.jpg", "test/a/1.jpg");
    const { splits, recognisedBy } = await openDataset(root);
    expect(recognisedBy).toBe("Training/ and test/ with class folders");
    expect(contents(splits.val)).toEqual([["test/a/1.jpg", 0]]);
  });

  it("may lie in one more folder", async () => {
    await write("unpacked/train/a/1.jpg", "unpacked/val/a/1.jpg", "README.txt");
    expect((await openDataset(root)).splits.val?.length).toBe(1);
  });

  it("refuses a flat val folder and says what to do", async () => {
    await write("train/a/1.jpg", "val/1.jpg", "val/2.jpg");
    await expect(openDataset(root)).rejects.toThrow(
      /val\/ has its images in one folder.*Move each image into a folder/,
    );
    const { splits, problems } = await openDataset(root, { strict: false });
    expect([Object.keys(splits), codes(problems)]).toEqual([["train"], ["flat-val"]]);
  });

  it("refuses class folders that training does not know or that are empty there, and reports those that val lacks", async () => {
    await write("train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "val/c/1.jpg", "train/x.jpg", "train/a/notes.txt");
    await mkdir(join(root, "val/b"));
    await expect(openDataset(root)).rejects.toThrow("val/ has class folders that the training folder does not have: c");
    await mkdir(join(root, "train/empty"));
    await expect(openDataset(root)).rejects.toThrow(
      /train\/ has class folders without images: train\/empty\. .*Put their images in, or remove the folders/,
    );
    const { problems, classes } = await openDataset(root, { strict: false });
    expect(problems.map(({ code, severity }) => `${severity} ${code}`)).toEqual([
      "error empty-class",
      "warning images-without-class",
      "warning not-images",
      "warning empty-class",
      "error unknown-class",
      "warning class-not-in-split",
    ]);
    expect(classes).toEqual(["a", "b", "empty"]); // as torchvision with allow_empty numbers them
  });

  it("follows links, but not in circles", async () => {
    await write("elsewhere/1.jpg", "set/train/a/1.jpg");
    await symlink(join(root, "elsewhere"), join(root, "set/train/b"));
    expect((await openDataset(join(root, "set"))).splits.train?.length).toBe(2);
    await symlink(join(root, "set/train/a"), join(root, "set/train/a/again"));
    await expect(openDataset(join(root, "set"))).rejects.toThrow(
      /again is a symbolic link to a folder that it lies in/,
    );
  });

  it("may be one image", async () => {
    await write("a/only.jpg");
    expect(contents((await openDataset(root)).splits.all)).toEqual([["a/only.jpg", 0]]);
    await expect(openDataset(root, { split: 0.9 })).rejects.toThrow("no class has two");
  });
});

describe("Tiny-ImageNet as downloaded", () => {
  it("labels the flat val folder by its annotations and names the classes by words.txt", async () => {
    await writeTinyImagenet(root);
    const { kind, recognisedBy, classes, classIds, splits, unlabelled, problems } = await openDataset(root);
    expect([kind, recognisedBy]).toEqual(["tiny-imagenet", "val/val_annotations.txt"]);
    expect(classIds).toEqual(["n01443537", "n01443544", "n01443551"]); // sorted, not as wnids.txt has them
    expect(classes[1]).toBe("class 1, also 1");
    expect([splits.train?.length, splits.val?.length, unlabelled]).toEqual([12, 6, { test: 2 }]);
    expect(contents(splits.val).map(([, label]) => label)).toEqual([0, 1, 2, 0, 1, 2]);
    expect(problems).toEqual([]);
  });

  it("reports what is missing", async () => {
    await writeTinyImagenet(root);
    await rm(join(root, "val/images/val_3.JPEG"));
    await rm(join(root, "train/n01443544"), { recursive: true });
    await write("val/images/more.JPEG");
    const { problems } = await openDataset(root, { strict: false });
    expect(codes(problems)).toEqual(["not-annotated", "unknown-class", "missing-file", "incomplete"]);
    await expect(openDataset(root)).rejects.toThrow("2 images a class that the training folder does not have");
  });

  it("whose val folder was sorted into class folders is an image folder with the same names", async () => {
    await writeTinyImagenet(root);
    await rm(join(root, "val/images"), { recursive: true });
    await write("val/n01443537/images/a.JPEG", "val/n01443544/b.JPEG", "val/n01443551/c.JPEG");
    const { kind, classes, splits } = await openDataset(root);
    expect([kind, classes[0], splits.val?.length]).toEqual(["image-folder", "class 0, also 0", 3]);
  });
});

describe("ImageNet", () => {
  const ids = ["n01440764", "n02012849", "n03126707"];
  const names = ["tench, Tinca tinca", "crane", "crane"];
  const mapping = ids.map((id, i) => `${id} ${names[i]}`).join("\n");
  const train = ids.map((id) => `ILSVRC/Data/CLS-LOC/train/${id}/${id}_1.JPEG`);
  const val = [1, 2].map((n) => `ILSVRC/Data/CLS-LOC/val/ILSVRC2012_val_0000000${n}.JPEG`);

  it("of Kaggle labels the flat val folder by LOC_val_solution.csv", async () => {
    await write(...train, ...val, "ILSVRC/Data/CLS-LOC/test/ILSVRC2012_test_00000001.JPEG");
    await writeTree(root, {
      "LOC_synset_mapping.txt": mapping,
      "LOC_val_solution.csv":
        "ImageId,PredictionString\nILSVRC2012_val_00000002,n01440764 1 2 3 4 \nILSVRC2012_val_00000001,n03126707 1 2 3 4 n03126707 5 6 7 8 \n",
    });
    const { kind, classes, splits, unlabelled, problems } = await openDataset(root);
    expect([kind, problems, unlabelled]).toEqual(["imagenet", [], { test: 1 }]);
    expect(classes).toEqual(["tench, Tinca tinca", "crane (n02012849)", "crane (n03126707)"]);
    expect(contents(splits.val)).toEqual([
      ["val/ILSVRC2012_val_00000001.JPEG", 2],
      ["val/ILSVRC2012_val_00000002.JPEG", 0],
    ]);
  });

  it("without the table is refused, and with class folders needs none", async () => {
    await write(...train, ...val);
    await expect(openDataset(root)).rejects.toThrow("Put LOC_val_solution.csv");
    await rm(join(root, "ILSVRC/Data/CLS-LOC/val"), { recursive: true });
    await write(...ids.map((id) => `ILSVRC/Data/CLS-LOC/val/${id}/1.JPEG`));
    await writeTree(root, { "LOC_synset_mapping.txt": mapping });
    expect((await openDataset(join(root, "ILSVRC/Data/CLS-LOC"))).classes[0]).toBe("tench, Tinca tinca");
  });
});

describe("tables", () => {
  it("with header, quotes and relative paths", async () => {
    await write("a, b.jpg", "images/c.jpg");
    await writeTree(root, { "labels.csv": 'label,path\ncat,"a, b.jpg"\ndog,images/c.jpg\n' });
    const { kind, classes, splits } = await openDataset(root);
    expect([kind, classes, contents(splits.all)]).toEqual([
      "csv",
      ["cat", "dog"],
      [
        ["a, b.jpg", 0],
        ["images/c.jpg", 1],
      ],
    ]);
    expect((await openDataset(join(root, "labels.csv"))).splits.all?.length).toBe(2);
  });

  it("for each split; numbers are sorted by their value, and named by classes.txt", async () => {
    await writeTree(root, { "train.csv": "a.jpg,10\nb.jpg,9\n", "val.csv": "path,label\nc.jpg,9\n" });
    const numbered = await openDataset(root);
    expect([numbered.classes, contents(numbered.splits.val)]).toEqual([["9", "10"], [["c.jpg", 0]]]);
    await writeTree(root, { "classes.txt": Array.from({ length: 10 }, (_, i) => `name ${i}`).join("\n") });
    await expect(openDataset(root)).rejects.toThrow("have labels that are none of the 10 classes: 10");
  });

  it("divided by a column", async () => {
    await writeTree(root, { "all.csv": "filename,class,split\na.jpg,x,train\nb.jpg,x,valid\n" });
    const { splits } = await openDataset(root);
    expect([contents(splits.train), contents(splits.val)]).toEqual([[["a.jpg", 0]], [["b.jpg", 0]]]);
  });

  it.each([
    ["name,size\na.jpg,3\n", "has the columns name, size; it should have path and label"],
    ["path,label\n", "has a header, but no images"],
    ["", "is empty"],
    ["path,label\na.jpg,\n", "has no label in row 2: a.jpg,"],
    ['path,label\n"a.jpg,1\n', "quotation mark in line 2"],
  ])("of another form are refused: %j", async (text, message) => {
    await writeTree(root, { "t.csv": text });
    await expect(openDataset(join(root, "t.csv"))).rejects.toThrow(message);
  });
});

describe("what is no data set", () => {
  it("is refused with what is there and what is known", async () => {
    await write("one.jpg", "two.jpg");
    await expect(openDataset(root)).rejects.toThrow(
      /is no data set that is known: it has one\.jpg, two\.jpg\. Known are folders/,
    );
    await expect(openDataset(join(root, "nothing"))).rejects.toThrow("nothing of this name");
    await expect(openDataset(join(root, "one.jpg"))).rejects.toThrow("is no data set that is known");
    await mkdir(join(root, "empty"));
    await expect(openDataset(join(root, "empty"))).rejects.toThrow("it has nothing in it");
    await mkdir(join(root, "only/train/a"), { recursive: true });
    await expect(openDataset(join(root, "only"))).rejects.toThrow("has no images in class folders");
  });
});
