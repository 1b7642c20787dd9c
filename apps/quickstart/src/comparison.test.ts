import { describe, expect, it } from "vitest";
import { compareStudents } from "./comparison.ts";
import { sampleResult } from "./report/test-result.ts";
import type { SeedResult } from "./result.ts";

const seed = (n: number, alone: number, distilled: number): SeedResult => {
  const [first] = sampleResult().seeds;
  return { seed: n, alone: { ...first!.alone, errors: alone }, distilled: { ...first!.distilled, errors: distilled } };
};

describe("compareStudents", () => {
  it("compares the means over the seeds, and each seed", () => {
    const comparison = compareStudents({ seeds: [seed(1, 400, 300), seed(2, 200, 240)] });
    expect(comparison).toMatchObject({ alone: 300, distilled: 270 });
    expect(comparison.reduction).toBeCloseTo(0.1, 12);
    expect(comparison.reductions[0]).toBeCloseTo(0.25, 12);
    expect(comparison.reductions[1]).toBeCloseTo(-0.2, 12);
  });

  it("is 0 where there was nothing to improve", () => {
    expect(compareStudents({ seeds: [seed(1, 0, 0)] }).reduction).toBe(0);
  });
});
