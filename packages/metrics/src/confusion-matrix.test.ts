import { describe, expect, it } from "vitest";
import { ConfusionMatrix } from "./confusion-matrix.ts";

describe("ConfusionMatrix", () => {
  const filled = () => {
    const matrix = new ConfusionMatrix(["cat", "dog", "owl"]);
    for (const [label, predicted] of [
      [0, 0],
      [0, 0],
      [0, 1],
      [1, 1],
      [1, 0],
      [1, 0],
      [2, -1],
    ] as const) {
      matrix.add(label, predicted);
    }
    return matrix;
  };

  it("counts by label and prediction", () => {
    const matrix = filled();
    expect([...matrix.counts]).toEqual([2, 1, 0, 2, 1, 0, 0, 0, 0]);
    expect(matrix.at(1, 0)).toBe(2);
    expect(matrix.total).toBe(7);
    expect(matrix.accuracy).toBeCloseTo(3 / 7, 15);
  });

  it("gives recall over labels and precision over predictions", () => {
    expect(filled().perClass()).toEqual([
      { index: 0, name: "cat", support: 3, recall: 2 / 3, precision: 2 / 4 },
      { index: 1, name: "dog", support: 3, recall: 1 / 3, precision: 1 / 2 },
      { index: 2, name: "owl", support: 1, recall: 0, precision: Number.NaN },
    ]);
  });

  it("names what is confused most, largest first", () => {
    expect(filled().mostConfused()).toEqual([
      { label: 1, predicted: 0, count: 2 },
      { label: 0, predicted: 1, count: 1 },
    ]);
    expect(filled().mostConfused(1)).toHaveLength(1);
  });

  it("adds batches of logits, NaN rows in no column", () => {
    const matrix = new ConfusionMatrix(2);
    matrix.addBatch({ shape: [3, 2], data: [0, 1, 1, 0, Number.NaN, 0] }, [1, 1, 0]);
    expect([...matrix.counts]).toEqual([0, 0, 1, 1]);
    expect(matrix.total).toBe(3);
  });

  it("refuses what does not fit", () => {
    const matrix = new ConfusionMatrix(2);
    expect(() => matrix.add(2, 0)).toThrow(/label 2.*2 classes/);
    expect(() => matrix.add(0, 0.5)).toThrow(RangeError);
    expect(() => matrix.addBatch({ shape: [1, 3], data: [0, 1, 2] }, [0])).toThrow(/3 classes, the matrix 2/);
    expect(() => new ConfusionMatrix([])).toThrow(RangeError);
  });
});
