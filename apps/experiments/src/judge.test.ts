import { type Logits, ndArray } from "@repvgg/core";
import { describe, expect, it } from "vitest";
import { countErrors } from "./count-errors.ts";
import { DIGIT_3 } from "./digit-3.ts";
import type { Answers } from "./experiment.ts";
import { HINTON } from "./hinton.ts";
import { TEMPERATURE } from "./temperature.ts";
import type { Training } from "./training.ts";

/** A hundred images, ten of each class; a network that is sure of its answers. */
const labels = Int32Array.from({ length: 100 }, (_, i) => i % 10);
const answering = (answer: (label: number, i: number) => number, three = 0): Logits => {
  const data = new Float32Array(1000);
  labels.forEach((label, i) => {
    data[10 * i + answer(label, i)] = 1;
    if (label === 3) data[10 * i + 3]! ||= three;
  });
  return ndArray([100, 10], data);
};
/** Wrong on the first so many images. */
const wrongOn = (count: number) => answering((label, i) => (i < count ? (label + 1) % 10 : label));
const protocol = { seeds: [1, 2], limit: 1000 };
const answers = (of: (training: Training) => Logits): Answers => ({ labels, of });

describe("countErrors", () => {
  it("counts wrong answers, of one class too, after its bias", () => {
    const logits = answering((label) => (label === 3 ? 8 : label), 0.5); // threes are taken for eights, by half
    expect(countErrors(logits, labels, { ofClass: 3 })).toEqual({ all: 10, ofClass: 10, imagesOfClass: 10 });
    expect(countErrors(logits, labels, { ofClass: 3, bias: 0.6 })).toEqual({ all: 0, ofClass: 0, imagesOfClass: 10 });
    expect(countErrors(logits, labels, { ofClass: 3, bias: 2 }).all).toBe(90);
  });
});

describe("hinton", () => {
  const judged = (distilled: readonly number[]) =>
    HINTON.judge(
      answers(({ soft, seed, title }) => wrongOn(title === "teacher" ? 2 : soft ? distilled[seed - 1]! : 20)),
      protocol,
    );

  it("puts our errors beside the paper's", () => {
    const { rows, findings, figures } = judged([8, 12]);
    expect(rows.map((row) => row.slice(1))).toEqual([
      ["67", "2", "2"],
      ["146", "20", "20, 20"],
      ["74", "10", "8, 12"],
    ]);
    expect(findings.every(({ holds }) => holds)).toBe(true);
    expect(figures).toMatchObject({ teacher: 2, plain: [20, 20], distilled: [8, 12] });
  });

  it("says so when one seed does not show it", () => {
    expect(judged([8, 21]).findings.map(({ holds }) => holds)).toEqual([true, false]);
  });

  it("trains both students from the same weights on the same images, after the teacher", () => {
    const [teacher, plain, distilled, ...more] = HINTON.trainings(protocol);
    expect(teacher).toMatchObject({ title: "teacher", images: { first: 1000 } });
    expect({ ...distilled, title: "", soft: undefined }).toEqual({ ...plain, title: "", soft: undefined });
    expect(distilled!.soft).toEqual({ teacher, temperature: 20, alpha: 0.9 });
    expect(more).toHaveLength(2);
  });
});

describe("digit-3", () => {
  it("finds the bias that makes the fewest errors, and what is left of the threes", () => {
    const result = DIGIT_3.judge(
      answers(({ soft }) => answering((label, i) => (label === 3 && (!soft || i < 40) ? 8 : label), 0.4)),
      protocol,
    );
    expect(result.figures.soft).toMatchObject([
      { plain: { all: 4, ofClass: 4 }, bias: 0.75, biased: { all: 0, ofClass: 0 } },
      {},
    ]);
    expect(result.rows[6]).toEqual(["  threes wrong", "", "10", "10, 10"]);
    expect(result.findings.every(({ holds }) => holds)).toBe(true);
  });

  it("shows no student a three", () => {
    const students = DIGIT_3.trainings(protocol).slice(1);
    expect(students.map(({ images }) => images.without)).toEqual([3, 3, 3, 3]);
  });
});

describe("temperature", () => {
  it("compares the temperatures of each student by their mean", () => {
    const errors = (T: number) => (T === 4 ? 5 : T === 8 || T === 20 ? 9 : 15);
    const { rows, findings } = TEMPERATURE.judge(
      answers(({ soft }) => wrongOn(soft ? errors(soft.temperature) : 30)),
      protocol,
    );
    expect(rows[0]).toEqual(["labels alone", "30 (30, 30)", "30 (30, 30)"]);
    expect(rows.find(([name]) => name === "T = 4")).toEqual(["T = 4", "5 (5, 5)", "5 (5, 5)"]);
    expect(findings.map(({ holds }) => holds)).toEqual([true, true, true]);
  });
});
