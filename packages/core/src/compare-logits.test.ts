import { describe, expect, it } from "vitest";
import { compareLogits } from "./compare-logits.ts";
import { ndArray } from "./nd-array.ts";

const logits = (...rows: number[][]) => ndArray([rows.length, rows[0]!.length], Float32Array.from(rows.flat()));

describe("compareLogits", () => {
  it("gives the largest difference, absolute and over the largest reference logit, and the agreement", () => {
    const comparison = compareLogits(logits([1, 2], [3, -8]), logits([1, 2.5], [-8, 3]));
    expect(comparison).toEqual({ maxAbsoluteError: 11, maxRelativeError: 11 / 8, agreement: 0.5 });
  });

  it("is zero and one for equal logits, zeros too", () => {
    expect(compareLogits(logits([0, 0]), logits([0, 0]))).toEqual({
      maxAbsoluteError: 0,
      maxRelativeError: 0,
      agreement: 1,
    });
  });

  it.each([0, 1])("lets NaN through, on either side", (side) => {
    const pair = [logits([1, 2]), logits([1, 2])] as const;
    pair[side]!.data[0] = NaN;
    const { maxAbsoluteError, maxRelativeError } = compareLogits(...pair);
    expect([maxAbsoluteError, maxRelativeError]).toEqual([NaN, NaN]);
  });

  it("refuses other shapes and no images", () => {
    expect(() => compareLogits(logits([1, 2]), logits([1, 2, 3]))).toThrow(
      expect.objectContaining({ code: "E_SHAPE" }),
    );
    const none = ndArray([0, 2], new Float32Array());
    expect(() => compareLogits(none, none)).toThrow(expect.objectContaining({ code: "E_SHAPE" }));
  });
});
