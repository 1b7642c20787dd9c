import { describe, expect, it } from "vitest";
import { median, quantile } from "./statistics.ts";

describe("quantile", () => {
  it("interpolates between samples in any order", () => {
    expect(quantile([40, 10, 30, 20], 0.1)).toBeCloseTo(13, 12); // numpy.quantile gives 13.0
    expect(quantile([40, 10, 30, 20], 0.9)).toBeCloseTo(37, 12);
    expect(quantile([5], 0.9)).toBe(5);
  });

  it("has the median in the middle", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });
});
