import { expect, it } from "vitest";
import { expectedCalibrationError } from "./calibration-error.ts";

it("is |accuracy − confidence| by bin, weighted by the bin's rows", () => {
  // Two rows at probability 0.8, one right; one row at 0.6, right: (2/3)·|0.5 − 0.8| + (1/3)·|1 − 0.6|.
  const row = (p: number) => [Math.log(p), Math.log(1 - p)];
  const logits = { shape: [3, 2], data: [...row(0.8), ...row(0.8), ...row(0.6)] };
  expect(expectedCalibrationError(logits, [0, 1, 0])).toBeCloseTo((2 / 3) * 0.3 + (1 / 3) * 0.4, 12);
});

it("is 0 for certain and right answers, and NaN for NaN logits", () => {
  expect(expectedCalibrationError({ shape: [1, 2], data: [1000, 0] }, [0])).toBe(0);
  expect(expectedCalibrationError({ shape: [1, 2], data: [Number.NaN, 0] }, [0])).toBeNaN();
});

it("refuses a number of bins below 1", () => {
  expect(() => expectedCalibrationError({ shape: [1, 2], data: [1, 0] }, [0], { bins: 0 })).toThrow(/bins/);
});
