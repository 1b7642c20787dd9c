import { describe, expect, it } from "vitest";
import { firstNotFinite } from "./first-not-finite.ts";

describe("firstNotFinite", () => {
  it("finds NaN and both infinities, at any place of a long array", () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const index of [0, 4095, 4096, 9999]) {
        const data = new Float32Array(10_000).fill(3.4e38);
        data[index] = value;
        expect(firstNotFinite(data)).toBe(index);
      }
    }
  });

  it("is −1 for finite numbers, and looks at no more than the view", () => {
    const all = Float32Array.of(Number.NaN, -0, 1e-45, -3.4028234663852886e38, Number.NaN);
    expect(firstNotFinite(all.subarray(1, 4))).toBe(-1);
    expect(firstNotFinite(new Float32Array())).toBe(-1);
  });
});
