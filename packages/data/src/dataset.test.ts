import { describe, expect, it } from "vitest";
import { firstImages, InMemoryDataset, Subset } from "./dataset.ts";
import { countingDataset } from "./test-dataset.ts";

const dataError = (message: RegExp) =>
  expect.objectContaining({ code: "E_DATA", message: expect.stringMatching(message) });

describe("InMemoryDataset", () => {
  it("gives views, not copies", () => {
    const pixels = Uint8Array.of(1, 2, 3, 4);
    const set = new InMemoryDataset({ pixels, labels: [1, 0], classes: ["a", "b"], size: [1, 2], channels: 1 });
    expect([...set.image(1)]).toEqual([3, 4]);
    expect(set.image(1).buffer).toBe(pixels.buffer);
    expect([set.label(0), set.label(1)]).toEqual([1, 0]);
  });

  it("refuses another number of pixels, labels that are no classes, and images that are not there", () => {
    const make = (labels: number[], bytes: number) => () =>
      new InMemoryDataset({ pixels: new Uint8Array(bytes), labels, classes: ["a", "b"], size: [1, 2], channels: 1 });
    expect(make([0, 1], 5)).toThrow(dataError(/2 labels need 2 images of 1×2×1 bytes, got 5 bytes/));
    expect(make([0, 2], 4)).toThrow(dataError(/Image 1 has the label 2, but there are 2 classes/));
    expect(make([0, -1], 4)).toThrow(dataError(/the label -1/));
    expect(() => countingDataset(3).image(3)).toThrow(dataError(/no image 3.*has 3/));
    expect(() => countingDataset(3).label(-1)).toThrow(dataError(/no image -1/));
  });
});

describe("Subset", () => {
  it("takes images by index, also out of a subset", () => {
    const subset = new Subset(new Subset(countingDataset(10), [9, 4, 7]), [2, 0]);
    expect([subset.image(0)[0], subset.image(1)[0]]).toEqual([7, 9]);
    expect([subset.label(0), subset.indexInWhole(1)]).toEqual([1, 0]);
    expect(subset).toMatchObject({ length: 2, classes: ["a", "b", "c"], channels: 1, size: [2, 3] });
  });

  it("refuses indices outside", () => {
    expect(() => new Subset(countingDataset(2), [0, 2])).toThrow(dataError(/no image 2/));
    expect(() => new Subset(countingDataset(2), [0]).image(1)).toThrow(dataError(/no image 1.*has 1/));
  });

  it("firstImages takes the first n and no more than there are", () => {
    const first = firstImages(countingDataset(10), 4);
    expect([first.length, first.image(3)[0]]).toEqual([4, 3]);
    expect(() => firstImages(countingDataset(10), 11)).toThrow(dataError(/first 11 of 10 images/));
    expect(() => firstImages(countingDataset(10), 0)).toThrow(dataError(/choose 1 to 10/));
  });
});
