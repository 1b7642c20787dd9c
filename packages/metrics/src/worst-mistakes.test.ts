import { describe, expect, it } from "vitest";
import { WorstMistakes } from "./worst-mistakes.ts";

/** Logits of two classes whose first one has this probability. */
const logits = (...ps: number[]) => ({
  shape: [ps.length, 2],
  data: ps.flatMap((p) => [Math.log(p), Math.log(1 - p)]),
});
const zeros = (n: number) => new Array<number>(n).fill(0);

describe("WorstMistakes", () => {
  it("keeps the mistakes with the least probable labels, the worst first, over batches", () => {
    const worst = new WorstMistakes<string>(3);
    worst.addBatch(logits(0.4, 0.9, 0.1), zeros(3), (row) => `a${row}`);
    worst.addBatch(logits(0.3, 0.2, 0.45), zeros(3), (row) => `b${row}`);
    expect(worst.list.map(({ item }) => item)).toEqual(["a2", "b1", "b0"]);
    const [first] = worst.list;
    expect(first).toMatchObject({ label: 0, predicted: 1 });
    expect(first!.labelProbability).toBeCloseTo(0.1, 12);
    expect(first!.predictedProbability).toBeCloseTo(0.9, 12);
  });

  it("asks only about images that it keeps", () => {
    const worst = new WorstMistakes<number>(1);
    const asked: number[] = [];
    worst.addBatch(logits(0.1, 0.3, 0.8, 0.05), zeros(4), (row) => asked.push(row));
    expect(asked).toEqual([0, 3]);
  });

  it("keeps the earlier of equal ones, and none that has no answer", () => {
    const worst = new WorstMistakes<number>(2);
    worst.addBatch({ shape: [3, 2], data: [0, 1, 0, 1, Number.NaN, 1] }, zeros(3), (row) => row);
    expect(worst.list.map(({ item }) => item)).toEqual([0, 1]);
  });

  it("may keep none, and refuses half a mistake", () => {
    const none = new WorstMistakes<number>(0);
    none.addBatch(logits(0.1), [0], (row) => row);
    expect(none.list).toEqual([]);
    expect(() => new WorstMistakes(0.5)).toThrow("limit must be a whole number");
  });
});
