import { ndArray } from "@repvgg/core";
import { InMemoryDataset } from "@repvgg/data";
import { describe, expect, it } from "vitest";
import { confusionCounts, darkKnowledge, predictedClass, probabilities, worstMistakes } from "./judge.ts";

const logits = (...rows: number[][]) => ndArray([rows.length, rows[0]!.length], Float32Array.from(rows.flat()));

const test = new InMemoryDataset({
  pixels: Uint8Array.from([10, 20, 30, 40, 50]),
  labels: [0, 1, 2, 2, 0],
  classes: ["a", "b", "c"],
  size: [1, 1],
  channels: 1,
});

const student = logits([5, 0, 0], [3, 0, 0], [0, 9, 0], [0, 0, 4], [0, 1, 0]);
const teacher = logits([9, 1, 0], [1, 2, 0], [0, 0, 4], [0, 2, 3], [8, 0, 4]);

describe("probabilities", () => {
  it("is softmax at a temperature", () => {
    const [a, b] = probabilities(logits([Math.log(9), 0]), 0) as [number, number];
    expect(a).toBeCloseTo(0.9, 6); // the logit is rounded to float32
    expect(b).toBeCloseTo(0.1, 6);
    expect(probabilities(logits([2 * Math.log(9), 0]), 0, 2)[0]).toBeCloseTo(0.9, 6);
  });

  it("does not overflow", () => {
    expect(probabilities(logits([0, 0], [1000, -1000]), 1)).toEqual([1, 0]);
  });
});

describe("predictedClass", () => {
  it("is the largest logit's, of equal ones the first", () => {
    expect(predictedClass(student, 2)).toBe(1);
    expect(predictedClass(logits([1, 3, 3]), 0)).toBe(1);
  });
});

describe("worstMistakes", () => {
  it("gives wrong answers only, the least probable truth first", () => {
    const mistakes = worstMistakes(test, student, teacher, { temperature: 4, limit: 10 });
    expect(mistakes.map(({ index, label, predicted }) => [index, label, predicted])).toEqual([
      [2, 2, 1],
      [1, 1, 0],
      [4, 0, 1],
    ]);
    expect(mistakes[0]).toMatchObject({ pixels: [30], size: [1, 1] });
  });

  it("tells what both networks think, the teacher also softened", () => {
    const [worst] = worstMistakes(test, student, teacher, { temperature: 4, limit: 1 });
    expect(worst!.student).toEqual(probabilities(student, 2));
    expect(worst!.teacher).toEqual(probabilities(teacher, 2));
    expect(worst!.teacherSoft).toEqual(probabilities(teacher, 2, 4));
    expect(worst!.teacherSoft[2]).toBeLessThan(worst!.teacher[2]!);
  });
});

describe("confusionCounts", () => {
  it("counts by label and answer", () => {
    expect(confusionCounts(test, student)).toEqual([
      [1, 1, 0],
      [1, 0, 0],
      [0, 1, 1],
    ]);
  });
});

describe("darkKnowledge", () => {
  it("is the mean of the softened probabilities of each label", () => {
    const rows = darkKnowledge(test, teacher, 4);
    const [first, last] = [probabilities(teacher, 0, 4), probabilities(teacher, 4, 4)];
    rows[0]!.forEach((p, c) => {
      expect(p).toBeCloseTo((first[c]! + last[c]!) / 2, 12);
    });
    for (const row of rows) expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
  });
});
