import { describe, expect, it } from "vitest";
import { readIdx } from "./idx.ts";
import { mnistDataset } from "./mnist.ts";
import { idxFile } from "./test-dataset.ts";

describe("readIdx", () => {
  it("gives the shape and a view of the data", () => {
    const file = idxFile([2, 1, 3], [1, 2, 3, 4, 5, 6]);
    const { shape, data } = readIdx(file);
    expect(shape).toEqual([2, 1, 3]);
    expect([...data]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(data.buffer).toBe(file.buffer);
  });

  it("reads out of the middle of a buffer", () => {
    const file = idxFile([2], [8, 9]);
    const larger = new Uint8Array(file.length + 3);
    larger.set(file, 3);
    expect([...readIdx(larger.subarray(3)).data]).toEqual([8, 9]);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["an empty file", new Uint8Array(), /is no idx file: 0 bytes are too few/],
    ["another magic", Uint8Array.of(0x89, 0x50, 0x4e, 0x47), /begins with 89 50 4e 47/],
    ["gzip", Uint8Array.of(0x1f, 0x8b, 8, 0), /compressed with gzip/],
    ["float32", idxFile([1], [0, 0, 0, 0], 0x0d), /holds float32; only unsigned bytes/],
    ["an unknown type", idxFile([1], [0], 0x42), /its type byte is 0x42/],
    ["no dimensions", Uint8Array.of(0, 0, 8, 0), /header of 0 dimensions/],
    ["a cut header", idxFile([2, 2, 2], []).subarray(0, 10), /header of 3 dimensions that does not fit its 10 bytes/],
    ["a cut file", idxFile([2, 3], [1, 2, 3, 4, 5]), /promises 2×3 = 6 bytes of data and has 5\. It is cut short/],
    ["a file that is too long", idxFile([2], [1, 2, 3]), /promises 2 = 2 bytes of data and has 3\. There is more/],
    ["sizes beyond all memory", idxFile([0xffffffff, 0xffffffff, 0xffffffff], [1]), /has 1\. It is cut short/],
  ])("refuses %s", (_, bytes, message) => {
    expect(() => readIdx(bytes, "train-images")).toThrow(
      expect.objectContaining({ code: "E_DATA", message: expect.stringMatching(/^train-images /) }),
    );
    expect(() => readIdx(bytes, "train-images")).toThrow(message);
  });
});

describe("mnistDataset", () => {
  const images = readIdx(idxFile([2, 1, 2], [1, 2, 3, 4]));
  const labels = readIdx(idxFile([2], [7, 0]));

  it("joins images and labels", () => {
    const set = mnistDataset(images, labels);
    expect(set).toMatchObject({ length: 2, channels: 1, size: [1, 2] });
    expect([...set.image(1), set.label(0), set.classes.length]).toEqual([3, 4, 7, 10]);
  });

  it.each<[string, number[], number[], RegExp]>([
    ["swapped files", [2], [2], /^a has 1 dimensions; images have 3.*swapped/],
    ["images for labels", [1, 1, 2], [2, 1, 1], /^b has 3 dimensions; labels have 1/],
    ["different numbers", [1, 1, 2], [2], /^a has 1 images, b 2 labels\. Take both files of the same split/],
    ["nothing", [0, 1, 2], [0], /^a has no images/],
  ])("refuses %s", (_, imageShape, labelShape, message) => {
    const array = (shape: number[]) => readIdx(idxFile(shape, new Uint8Array(shape.reduce((a, b) => a * b, 1))));
    expect(() => mnistDataset(array(imageShape), array(labelShape), { names: ["a", "b"] })).toThrow(message);
  });

  it("refuses labels that are no classes", () => {
    expect(() => mnistDataset(images, readIdx(idxFile([2], [10, 0])))).toThrow(
      /Image 0 has the label 10, but there are 10 classes/,
    );
    expect(() => mnistDataset(images, labels, { classes: ["zero", "one"] })).toThrow(
      /label 7, but there are 2 classes/,
    );
  });
});
