import { relativeError } from "@repvgg/tooling";
import { conv2d, grads, type Rank, randomNormal, type Tensor, type Tensor4D, tidy } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { filterGradient } from "./filter-gradient.ts";
import { loadGradients } from "./load-gradients.ts";
import { withTfjsBackend } from "./tfjs-backend.ts";

/** Both sum some hundred float32 products, in other orders. */
const TOLERANCE = 1e-5;

describe("filterGradient", () => {
  it.each([
    { k: 3, stride: 1, margin: 1, size: [9, 7], channels: [5, 6] },
    { k: 3, stride: 2, margin: 1, size: [9, 7], channels: [5, 6] },
    { k: 3, stride: 2, margin: 1, size: [8, 6], channels: [3, 4] },
    { k: 1, stride: 2, margin: 0, size: [8, 7], channels: [3, 48] },
    { k: 1, stride: 1, margin: 0, size: [4, 4], channels: [4, 4] },
    { k: 3, stride: 1, margin: 1, size: [1, 1], channels: [2, 3] },
  ] as const)(
    "agrees with tfjs's own of $k×$k at stride $stride on $size",
    async ({ k, stride, margin, size, channels }) => {
      await loadGradients();
      const [I, O] = channels;
      const { expected, actual } = await withTfjsBackend("cpu", () =>
        tidy(() => {
          const x = randomNormal<Rank.R4>([3, ...size, I], 0, 1, "float32", 1);
          const kernel = randomNormal<Rank.R4>([k, k, I, O], 0, 1, "float32", 2);
          const convolve = (image: Tensor4D, filter: Tensor4D) => conv2d(image, filter, stride, margin);
          const dy = randomNormal<Rank.R4>(convolve(x, kernel).shape, 0, 1, "float32", 3);
          const [, theirs] = grads(convolve as (...args: Tensor[]) => Tensor)([x, kernel], dy);
          const ours = filterGradient(x, dy, { filterShape: kernel.shape, strides: stride, pad: margin });
          return { expected: theirs!.dataSync().slice(), actual: ours.dataSync().slice() };
        }),
      );
      expect(relativeError(actual, expected)).toBeLessThan(TOLERANCE);
    },
  );
});
