import { describe, expect, it } from "vitest";
import { RangeTest, rangeRate } from "./range-test.ts";
import { textChart } from "./text-chart.ts";

const RANGE = { from: 1e-5, to: 10, steps: 100 };

/** A loss that stays, falls by `fall` around `at`, and explodes at `limit`. */
function tested({ fall, at, limit }: { fall: number; at: number; limit: number }): RangeTest {
  const test = new RangeTest();
  for (let step = 0; step < RANGE.steps && !test.hasExploded; step++) {
    const rate = rangeRate(step, RANGE);
    const sigmoid = 1 / (1 + Math.exp(-3 * Math.log10(rate / at)));
    test.add(rate, 2.3 - fall * sigmoid + (rate > limit ? 100 * (rate / limit) : 0));
  }
  return test;
}

describe("RangeTest", () => {
  it("begins and ends at the given rates, with equal factors between", () => {
    expect(rangeRate(0, RANGE)).toBe(1e-5);
    expect(rangeRate(99, RANGE)).toBeCloseTo(10, 10);
    expect(rangeRate(50, RANGE) / rangeRate(49, RANGE)).toBeCloseTo(1e6 ** (1 / 99), 10);
  });

  it("finds where the loss falls fastest, a little late for its smoothing", () => {
    const { steepest, best } = tested({ fall: 2, at: 0.01, limit: 3 });
    expect(steepest).toBeGreaterThan(0.01);
    expect(steepest).toBeLessThan(0.05); // the mean lags by 9 steps: a factor of 3.5
    expect(best).toBeGreaterThan(steepest!);
    expect(best).toBeLessThan(3.1);
  });

  it("suggests no rate beyond the least loss, though it falls faster there, from a peak", () => {
    const test = new RangeTest();
    for (let step = 0; step < RANGE.steps; step++) {
      const peak = 2 * Math.exp(-(((step - 75) / 4) ** 2));
      test.add(
        rangeRate(step, RANGE),
        2.3 - 0.2 * (Math.min(step, 60) / 60) + 0.1 * Math.max(0, step - 60) ** 0.5 + peak,
      );
    }
    const { steepest, best } = test;
    expect(best).toBeLessThan(rangeRate(70, RANGE));
    expect(steepest).toBeLessThanOrEqual(best!);
  });

  it("ends soon after the loss explodes, or is no number", () => {
    const { points } = tested({ fall: 2, at: 0.01, limit: 0.5 });
    expect(points.at(-1)!.learningRate).toBeLessThan(1);
    const test = new RangeTest();
    for (let step = 0; step < 20; step++) test.add(step, 1);
    expect(test.hasExploded).toBe(false);
    test.add(20, Number.NaN);
    expect(test.hasExploded).toBe(true);
  });

  it("suggests nothing where the loss never falls", () => {
    const { steepest, best } = tested({ fall: -1, at: 0.01, limit: 3 });
    expect({ steepest, best }).toEqual({ steepest: undefined, best: undefined });
  });
});

describe("textChart", () => {
  it("puts the first point left, the largest on top", () => {
    const lines = textChart([
      [1e-3, 1],
      [1e-2, 3],
      [1, 2],
      [2, Number.NaN],
    ]).split("\n");
    expect(lines[0]).toMatch(/^3\.00 \| {20}\*$/);
    expect(lines[11]).toBe("1.00 |*");
    expect(lines.at(-1)).toMatch(/^ {6}1e-3 +1e\+0$/);
    expect(textChart([[1, Number.NaN]])).toBe("no point is finite");
  });
});
