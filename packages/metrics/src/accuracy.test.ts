import { describe, expect, it } from "vitest";
import { accuracy, predictedClasses, topKCorrect } from "./accuracy.ts";

const logits = (...rows: number[][]) => ({
  shape: [rows.length, rows[0]?.length ?? 1],
  data: Float32Array.from(rows.flat()),
});

describe("topKCorrect", () => {
  it("counts labels among the k largest", () => {
    const z = logits([0, 1, 2, 3], [3, 2, 1, 0], [0, 3, 2, 1]);
    expect(topKCorrect(z, [3, 1, 0], [1, 2, 3, 4])).toEqual([1, 2, 2, 3]);
  });

  it("puts the lower index first among equals, so a constant network is not right", () => {
    const z = logits([7, 7, 7], [7, 7, 7], [7, 7, 7]);
    expect(topKCorrect(z, [0, 1, 2], [1, 2, 3])).toEqual([1, 2, 3]);
  });

  it("takes a k above the number of classes as that number", () => {
    expect(accuracy(logits([0, 1], [1, 0]), [0, 0], [1, 5])).toEqual([0.5, 1]);
  });

  it("calls a row with NaN wrong, for any k and wherever the NaN is", () => {
    const z = logits([Number.NaN, 1, 0], [0, 1, Number.NaN], [0, 1, 0]);
    expect(topKCorrect(z, [0, 1, 1], [1, 3])).toEqual([1, 1]);
  });

  it("orders infinities", () => {
    expect(topKCorrect(logits([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]), [1], [1])).toEqual([1]);
  });

  it("refuses labels that are no classes, other numbers of labels, and a k of 0", () => {
    const z = logits([0, 1]);
    expect(() => topKCorrect(z, [2])).toThrow(/Label 2 of row 0 is none of the 2 classes/);
    expect(() => topKCorrect(z, [-1])).toThrow(RangeError);
    expect(() => topKCorrect(z, [0, 1])).toThrow(/2 labels for 1 rows/);
    expect(() => topKCorrect(z, [0], [0])).toThrow(/k must be/);
    expect(() => topKCorrect({ shape: [2], data: [0, 1] }, [0, 1])).toThrow(/\[N, C\]/);
  });
});

describe("accuracy", () => {
  it("is a fraction", () => {
    expect(accuracy(logits([0, 1], [1, 0], [1, 0]), [1, 0, 1], [1])).toEqual([2 / 3]);
  });

  it("is not defined over nothing", () => {
    expect(() => accuracy({ shape: [0, 3], data: [] }, [])).toThrow(RangeError);
  });
});

it("predictedClasses gives the first of the largest, and -1 for a NaN", () => {
  expect([...predictedClasses(logits([0, 2, 2], [5, 1, 1], [Number.NaN, 1, 2]))]).toEqual([1, 0, -1]);
});
