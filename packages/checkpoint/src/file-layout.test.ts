import { ndArray } from "@repvgg/core";
import { describe, expect, it } from "vitest";
import { fromFileLayout, nchwToNhwc, nhwcToNchw, toFileLayout, transpose } from "./file-layout.ts";

const counting = (shape: number[]) =>
  ndArray(
    shape,
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
  );

describe("toFileLayout", () => {
  it("moves HWIO to OIHW", () => {
    const kernel = counting([2, 3, 4, 5]); // [kh, kw, I, O]
    const file = toFileLayout(kernel);
    expect(file.shape).toEqual([5, 4, 2, 3]);
    for (const [y, x, i, o] of [
      [0, 0, 0, 0],
      [1, 2, 3, 4],
      [1, 0, 2, 3],
      [0, 2, 1, 0],
    ] as const) {
      expect(file.data[((o * 4 + i) * 2 + y) * 3 + x]).toBe(kernel.data[((y * 3 + x) * 4 + i) * 5 + o]);
    }
  });

  it("moves [in, out] to [out, in] and leaves vectors and scalars alone", () => {
    expect(toFileLayout(counting([2, 3]))).toEqual(ndArray([3, 2], Float32Array.of(0, 3, 1, 4, 2, 5)));
    const vector = counting([4]);
    expect(toFileLayout(vector)).toBe(vector);
    const scalar = counting([]);
    expect(toFileLayout(scalar)).toBe(scalar);
  });

  it.each([[[2, 3, 4, 5]], [[3, 3, 1, 1]], [[2, 3]], [[4]], [[]], [[0, 2]]])(
    "is undone by fromFileLayout for %j",
    (shape) => {
      expect(fromFileLayout(toFileLayout(counting(shape)))).toEqual(counting(shape));
    },
  );
});

it("nhwcToNchw and nchwToNhwc undo one another", () => {
  const images = counting([2, 3, 4, 5]);
  const nchw = nhwcToNchw(images);
  expect(nchw.shape).toEqual([2, 5, 3, 4]);
  expect(nchw.data[((1 * 5 + 2) * 3 + 1) * 4 + 3]).toBe(images.data[((1 * 3 + 1) * 4 + 3) * 5 + 2]);
  expect(nchwToNhwc(nchw)).toEqual(images);
});

it("transpose refuses an order that is no permutation", () => {
  expect(() => transpose(counting([2, 3]), [0, 0])).toThrow(expect.objectContaining({ code: "E_SHAPE" }));
  expect(() => nchwToNhwc(counting([2, 3]))).toThrow(/no order of the axes of \[2, 3\]/);
});
