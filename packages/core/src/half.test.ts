import { describe, expect, it } from "vitest";
import { halfToNumber, numberToHalf } from "./half.ts";

const ALL = Array.from({ length: 0x10000 }, (_, bits) => bits);
const isNaNBits = (bits: number) => (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;

describe("numberToHalf", () => {
  it("is the inverse of halfToNumber on all numbers", () => {
    for (const bits of ALL) {
      if (!isNaNBits(bits)) expect(numberToHalf(halfToNumber(bits))).toBe(bits);
    }
  });

  it("rounds to the nearest of two neighbours, and halfway to the even one", () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [halfToNumber(bits), halfToNumber(bits + 1)];
      const middle = (low + high) / 2; // exact in float64
      const [below, above] = [middle - (high - low) * 2 ** -20, middle + (high - low) * 2 ** -20];
      expect([below, middle, above].map(numberToHalf)).toEqual([bits, bits % 2 === 0 ? bits : bits + 1, bits + 1]);
      expect(numberToHalf(-middle)).toBe(0x8000 | numberToHalf(middle));
    }
  });

  it.each<[number, number]>([
    [1, 0x3c00], // IEEE 754-2019 and C's _Float16
    [-2, 0xc000],
    [65504, 0x7bff],
    [65519.99, 0x7bff],
    [65520, 0x7c00],
    [Number.NEGATIVE_INFINITY, 0xfc00],
    [2 ** -24, 0x0001],
    [2 ** -25, 0x0000],
    [-0, 0x8000],
    [0.1, 0x2e66],
    [1 / 3, 0x3555],
  ])("of %d is %d", (value, bits) => expect(numberToHalf(value)).toBe(bits));

  it("keeps NaN", () => expect(halfToNumber(numberToHalf(Number.NaN))).toBeNaN());
});
