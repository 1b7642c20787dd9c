import { describe, expect, it } from "vitest";
import type { EncodedDataset } from "./encoded-dataset.ts";
import { EncodedSubset, spreadImages } from "./encoded-subset.ts";
import { stratifiedSplit } from "./stratified-split.ts";

/** Sorted by class, as folders are. */
function dataset(...counts: readonly number[]): EncodedDataset {
  const labels = counts.flatMap((count, label) => Array<number>(count).fill(label));
  return {
    length: labels.length,
    classes: counts.map((_, label) => `class ${label}`),
    label: (i) => labels[i]!,
    sample: (i) => ({ name: `${i}.jpg`, file: `/data/${i}.jpg` }),
  };
}
const labels = (part: EncodedDataset) => Array.from({ length: part.length }, (_, i) => part.label(i));
const names = (part: EncodedDataset) => Array.from({ length: part.length }, (_, i) => part.sample(i).name);

describe("EncodedSubset", () => {
  it("keeps labels, classes and places", () => {
    const part = new EncodedSubset(dataset(2, 2), [3, 0]);
    expect([labels(part), names(part), part.classes.length, part.indexInWhole(0)]).toEqual([
      [1, 0],
      ["3.jpg", "0.jpg"],
      2,
      3,
    ]);
    expect(() => part.label(2)).toThrow("the subset has 2");
    expect(() => new EncodedSubset(dataset(2), [2])).toThrow("There is no image 2");
  });
});

describe("spreadImages", () => {
  it("takes every class's share of a sorted set", () => {
    expect(labels(spreadImages(dataset(40, 20, 20), 8))).toEqual([0, 0, 0, 0, 1, 1, 2, 2]);
    expect(names(spreadImages(dataset(3), 3))).toEqual(["0.jpg", "1.jpg", "2.jpg"]);
    expect(() => spreadImages(dataset(3), 4)).toThrow("choose 1 to 3");
  });
});

describe("stratifiedSplit", () => {
  it("divides each class by the same share, without losing or doubling an image", () => {
    const { train, val } = stratifiedSplit(dataset(50, 20, 10), { fraction: 0.9, seed: 3 });
    const count = (part: EncodedDataset) => [0, 1, 2].map((c) => labels(part).filter((label) => label === c).length);
    expect([count(train), count(val)]).toEqual([
      [45, 18, 9],
      [5, 2, 1],
    ]);
    expect(new Set([...names(train), ...names(val)]).size).toBe(80);
  });

  it("is decided by the seed, and class by class", () => {
    const val = (seed: number, ...counts: number[]) =>
      names(stratifiedSplit(dataset(...counts), { fraction: 0.5, seed }).val);
    expect(val(1, 20, 4)).toEqual(val(1, 20, 4));
    expect(val(1, 20, 4)).not.toEqual(val(2, 20, 4));
    expect(val(1, 20, 8).slice(0, 10)).toEqual(val(1, 20, 4).slice(0, 10));
  });

  it("keeps at least one image of a class on either side, and single ones for training", () => {
    const { train, val } = stratifiedSplit(dataset(2, 1), { fraction: 0.99 });
    expect([labels(train), labels(val)]).toEqual([[0, 1], [0]]);
    expect(() => stratifiedSplit(dataset(1, 1), { fraction: 0.9 })).toThrow("no class has two");
    expect(() => stratifiedSplit(dataset(9), { fraction: 1 })).toThrow("between 0 and 1, got 1");
  });
});
