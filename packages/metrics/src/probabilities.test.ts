import { expect, it } from "vitest";
import { rowProbabilities } from "./probabilities.ts";

it("is the softmax of one row at a temperature, without overflow", () => {
  const logits = { shape: [2, 3], data: [9, 9, 9, 1000, 1000 + 2 * Math.log(3), -1e6] };
  expect([...rowProbabilities(logits, 0)]).toEqual([1 / 3, 1 / 3, 1 / 3]);
  const [a, b, c] = rowProbabilities(logits, 1, 2); // odds of 1 to 3
  expect(a).toBeCloseTo(0.25, 12);
  expect(b).toBeCloseTo(0.75, 12);
  expect(c).toBe(0);
  expect([...rowProbabilities({ shape: [1, 2], data: [Number.NaN, 1] }, 0)]).toEqual([Number.NaN, Number.NaN]);
});
