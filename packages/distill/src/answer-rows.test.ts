import { RepvggError } from "@repvgg/core";
import { describe, expect, it } from "vitest";
import {
  type AnswerFormat,
  answerRowBytes,
  checkAnswerFormat,
  decodeAnswer,
  encodeAnswer,
  imageFingerprint,
  imageOfRow,
  isWholeRow,
} from "./answer-rows.ts";

const ABOUT = { image: 70_000, fingerprint: 0xfedcba98 };
const kept = (logits: number[], format: AnswerFormat) =>
  decodeAnswer(encodeAnswer(Float32Array.from(logits), format, ABOUT), format);
const softmax = (z: readonly number[]) => {
  const e = z.map((x) => Math.exp(x - Math.max(...z)));
  return e.map((x) => x / e.reduce((a, b) => a + b));
};

describe("an answer as a row", () => {
  it("is relative to its largest logit, and knows its image", () => {
    expect(kept([3, 5, -1], { numClasses: 3 })).toEqual({ ...ABOUT, logits: Float32Array.of(-2, 0, -6) });
    expect(answerRowBytes({ numClasses: 3 })).toBe(12 + 8);
    expect(answerRowBytes({ numClasses: 1000, topK: 10 })).toBe(12 + 44);
  });

  it("has the probabilities of the logits within float16's rounding", () => {
    const logits = Array.from({ length: 1000 }, (_, c) => 12 * Math.sin(c * c) + (c === 17 ? 8 : 0));
    const [exact, found] = [softmax(logits), softmax([...kept(logits, { numClasses: 1000 }).logits])];
    // A distance d is rounded by d/2048 at most, and d < 32: a factor of e^(1/64) at most, on both sides of the fraction.
    for (const [c, p] of found.entries()) expect(Math.abs(p / exact[c]! - 1)).toBeLessThan(2 / 64);
    expect(Math.abs(found[17]! - exact[17]!)).toBeLessThan(1e-4);
  });

  it("of the top K keeps their probabilities, and spreads the rest evenly", () => {
    const logits = [1, 4, 2, -1, 3.5, 0];
    const p = softmax(logits);
    const found = softmax([...kept(logits, { numClasses: 6, topK: 2 }).logits]);
    const rest = (1 - p[1]! - p[4]!) / 4; // TinyViT, §3.1
    const expected = [rest, p[1]!, rest, rest, p[4]!, rest];
    // Distances below 4 are rounded by 2^-10 at most: so much a probability changes, and the sum that it is divided by.
    for (const [c, value] of expected.entries()) expect(Math.abs(found[c]! / value - 1)).toBeLessThan(2 ** -9);
  });

  it.each([
    ["more than 65536 classes", { numClasses: 70_000, topK: 2 }, [69_999, 65_536]],
    ["equal logits, of which the first are taken", { numClasses: 5, topK: 2 }, [0, 1]],
  ])("of the top K works with %s", (_, format, largest) => {
    const logits = new Array<number>(format.numClasses).fill(0);
    if (format.numClasses > 5) for (const [k, c] of largest.entries()) logits[c] = 9 - k;
    const { logits: found } = kept(logits, format);
    if (format.numClasses > 5) expect(largest.map((c) => found[c])).toEqual([0, -1]);
    expect(found[2]).toBeCloseTo(format.numClasses > 5 ? -9 : 0, 2);
  });

  it("takes what is far below the largest for the lowest float16", () => {
    expect([...kept([1e9, 0, Number.NEGATIVE_INFINITY], { numClasses: 3 }).logits]).toEqual([0, -65504, -65504]);
    expect([...kept([1000, 0, 0], { numClasses: 3, topK: 1 }).logits]).toEqual([0, -65504, -65504]);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("cannot hold %d", (bad) => {
    expect(() => kept([0, bad, 1], { numClasses: 3 })).toThrow(/answers image 70000 with/);
    expect(() => kept([bad, bad, 1], { numClasses: 3 })).toThrow(RepvggError);
  });

  it("shows every changed bit, and where it lies does not matter", () => {
    const row = encodeAnswer(Float32Array.of(1, 2, 3, 4, 5), { numClasses: 5, topK: 2 }, ABOUT);
    const moved = new Uint8Array(row.length + 1);
    moved.set(row, 1);
    expect([isWholeRow(row), isWholeRow(moved.subarray(1)), imageOfRow(moved.subarray(1))]).toEqual([
      true,
      true,
      70_000,
    ]);
    for (let bit = 0; bit < 8 * row.length; bit++) {
      const damaged = row.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      expect(isWholeRow(damaged)).toBe(false);
    }
    expect(isWholeRow(new Uint8Array(row.length))).toBe(false);
  });

  it.each([0, 3, 4, 1.5, Number.NaN])("refuses the top %d of 3", (topK) => {
    expect(() => checkAnswerFormat({ numClasses: 3, topK })).toThrow("must be from 1 to 2");
  });
});

describe("imageFingerprint", () => {
  it("is another for another image, small or large", () => {
    for (const length of [1, 784, 4096, 4097, 224 * 224 * 3]) {
      const image = Float32Array.from({ length }, (_, i) => Math.sin(i));
      const shifted = Float32Array.from({ length }, (_, i) => Math.sin(i + 1));
      expect(imageFingerprint(image.slice())).toBe(imageFingerprint(image));
      expect(imageFingerprint(shifted)).not.toBe(imageFingerprint(image));
    }
  });
});
