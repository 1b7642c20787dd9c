import { describe, expect, it } from "vitest";
import { axisTicks, roundedLimits } from "./axis-ticks.ts";

describe("axisTicks", () => {
  it.each([
    [0, 1, 4, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [0, 100, 5, [0, 20, 40, 60, 80, 100]],
    [0.05, 0.31, 3, [0.1, 0.2, 0.3]],
    [-2, 3, 5, [-2, -1, 0, 1, 2, 3]],
    [1, 8, 4, [2, 4, 6, 8]],
  ])("marks %d to %d, about %d times", (min, max, about, expected) => {
    expect(axisTicks(min, max, { log: false, about })).toEqual(expected);
  });

  it.each([
    [1e-3, 1, 4, [0.001, 0.01, 0.1, 1]],
    [0.2, 3, 4, [0.2, 0.5, 1, 2]],
    [0.007, 0.8, 4, [0.01, 0.02, 0.05, 0.1, 0.2, 0.5]],
    [1e-7, 10, 4, [1e-7, 1e-5, 1e-3, 0.1, 10]],
    [1.1, 1.9, 4, [1.2, 1.4, 1.6, 1.8]],
  ])("marks %d to %d logarithmically, about %d times", (min, max, about, expected) => {
    expect(axisTicks(min, max, { log: true, about })).toEqual(expected);
  });

  it.each([
    [0, 0.0998, 4, [0, 0.1]],
    [0.7833, 0.9, 5, [0.78, 0.9]],
    [0, 3.98, 6, [0, 4]],
    [0.13, 0.37, 4, [0.13, 0.37]],
    [-2.04, 1.5, 4, [-2.04, 1.5]],
  ])("moves limits that nearly reach a mark: %d to %d", (min, max, about, expected) => {
    expect(roundedLimits(min, max, about)).toEqual(expected);
  });

  it("stays within the limits and near the wanted number, whatever they are", () => {
    for (let i = 0; i < 500; i++) {
      const min = Math.sin(i) * 10 ** (i % 7);
      const max = min + 10 ** ((i % 9) - 3);
      const ticks = axisTicks(min, max, { log: false, about: 5 });
      expect(ticks.length).toBeGreaterThanOrEqual(2);
      expect(ticks.length).toBeLessThanOrEqual(10);
      const slack = (max - min) * 1e-6;
      for (const tick of ticks) expect(tick > min - slack && tick < max + slack).toBe(true);
    }
  });
});
