import { randomImages } from "@repvgg/tooling";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-layers"; // registers the gradients
import {
  concat,
  conv2d,
  grads,
  memory,
  pad,
  setBackend,
  split,
  square,
  sum,
  type Tensor,
  type Tensor4D,
  tensor4d,
  tidy,
} from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { convolve } from "./convolve.ts";

const random = (shape: [number, number, number, number], seed: number) =>
  tensor4d(randomImages(shape, seed).data, shape);

beforeAll(async () => {
  await setBackend("cpu");
});

describe("convolve", () => {
  it.each([
    [7, 1, 1],
    [8, 2, 1],
    [7, 2, 2],
    [8, 1, 4],
  ])(
    "is the convolution of padded images, size %i stride %i groups %i, gradients too",
    async (size, stride, groups) => {
      const before = memory().numTensors;
      const x = random([2, size, size, 4], 1);
      const kernel = random([3, 3, 4 / groups, 8], 2);
      const padded = (x: Tensor4D, k: Tensor4D) => {
        const image = pad(x, [
          [0, 0],
          [1, 1],
          [1, 1],
          [0, 0],
        ]);
        if (groups === 1) return conv2d(image, k, stride, "valid"); // tfjs's split into one has no gradient
        const [inputs, kernels] = [split(image, groups, 3), split(k, groups, 3)];
        const parts = inputs.map((input, g) => conv2d(input as Tensor4D, kernels[g] as Tensor4D, stride, "valid"));
        return concat(parts, 3);
      };
      const options = { stride, groups };
      const ways = [(x: Tensor4D, k: Tensor4D) => convolve(x, k, options), padded];
      const [numeric, beforehand] = ways.map((way) => {
        const of = (x: Tensor, k: Tensor) => tidy(() => way(x as Tensor4D, k as Tensor4D));
        return [of(x, kernel), ...grads((a, b) => sum(square(of(a, b))))([x, kernel])];
      });
      for (const [i, tensor] of numeric!.entries()) {
        // The same sums in the same order, plus zeros.
        expect([...tensor.dataSync()]).toEqual([...beforehand![i]!.dataSync()].map((v) => expect.closeTo(v, 4)));
      }
      for (const tensor of [x, kernel, ...numeric!, ...beforehand!]) tensor.dispose();
      expect(memory().numTensors).toBe(before);
    },
  );

  it("centres 3×3 and 1×1 on the same pixels at stride 2 on even sizes", () => {
    const x = random([1, 6, 6, 1], 3);
    const point = tensor4d([1], [1, 1, 1, 1]);
    const centre = tensor4d([0, 0, 0, 0, 1, 0, 0, 0, 0], [3, 3, 1, 1]);
    const [a, b] = [point, centre].map((kernel) => convolve(x, kernel, { stride: 2, groups: 1 }));
    expect(a!.shape).toEqual([1, 3, 3, 1]);
    expect([...a!.dataSync()]).toEqual([...b!.dataSync()]);
    for (const tensor of [x, point, centre, a!, b!]) tensor.dispose();
  });
});
