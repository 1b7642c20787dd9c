import { crossEntropy64, randomImages, relativeError } from "@repvgg/tooling";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-layers"; // registers the gradients
import {
  add,
  losses,
  memory,
  oneHot,
  type Scalar,
  setBackend,
  square,
  sum,
  type Tensor,
  tensor1d,
} from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { lazyList } from "../lazy-list.ts";
import { type NdArray, ndArray } from "../nd-array.ts";
import type { LossFunction, Outputs } from "../network.ts";
import { lossGradient } from "./loss-gradient.ts";

const labels = [0, 2, 1, 4, 3, 0];
const logits = ndArray([6, 5], randomImages([6, 1, 1, 5], 1).data);

const outputs: Outputs<NdArray> = { logits, auxiliary: [], features: [] };

beforeAll(async () => {
  await setBackend("cpu");
});

describe("lossGradient", () => {
  it("gives a loss and its gradient at the logits, and leaks nothing", () => {
    const before = memory().numTensors;
    const { loss, gradients } = lossGradient(
      ({ logits }) => losses.softmaxCrossEntropy(oneHot(tensor1d(labels, "int32"), 5), logits),
      outputs,
    );
    const gradient = gradients.logits!;
    const reference = crossEntropy64(logits.data, labels);
    // Float32 against float64.
    expect(Math.abs(loss - reference.loss)).toBeLessThan(1e-6);
    expect(relativeError(gradient.data, reference.gradient)).toBeLessThan(1e-6);
    expect(gradient.shape).toEqual([6, 5]);
    expect(memory().numTensors).toBe(before);
  });

  it("leaves the logits unchanged, and unshared with the loss", () => {
    const copy = logits.data.slice();
    lossGradient(({ logits }) => sum(square(logits)) as Scalar, outputs).gradients.logits!.data.fill(0);
    expect(logits.data).toEqual(copy);
  });

  it("gives gradients at the features and auxiliary logits that the loss reads, and makes no others", () => {
    const made: number[] = [];
    const features = lazyList<NdArray>(4, (stage) => {
      made.push(stage);
      return randomImages([2, 3, 3, stage + 1], stage);
    });
    const auxiliary = [randomImages([6, 1, 1, 5], 8), randomImages([6, 1, 1, 5], 9)];
    const loss: LossFunction<Tensor, Scalar> = ({ features, auxiliary }) =>
      add<Scalar>(sum(square(features[1]!)), sum(square(square(auxiliary[0]!))));
    const before = memory().numTensors;
    const { gradients } = lossGradient(loss, { logits, auxiliary, features });
    expect(made).toEqual([1]);
    expect(gradients.logits).toBeUndefined();
    expect(gradients.features.map((gradient) => gradient?.shape)).toEqual([
      undefined,
      [2, 3, 3, 2],
      undefined,
      undefined,
    ]);
    // Of Σx², 2x, and of Σx⁴, 4x³, each in float32.
    const twice = features[1]!.data.map((x) => 2 * x);
    expect(relativeError(gradients.features[1]!.data, twice)).toBeLessThan(1e-6);
    const cubes = auxiliary[0]!.data.map((x) => 4 * x ** 3);
    expect(relativeError(gradients.auxiliary[0]!.data, cubes)).toBeLessThan(1e-6);
    expect(gradients.auxiliary[1]).toBeUndefined();
    expect(memory().numTensors).toBe(before);
  });

  it("refuses a loss that is not a scalar, and leaks nothing", () => {
    const before = memory().numTensors;
    expect(() => lossGradient(({ logits }) => square(logits) as Scalar, outputs)).toThrow(
      expect.objectContaining({ code: "E_SHAPE", message: expect.stringContaining("scalar") }),
    );
    expect(memory().numTensors).toBe(before);
  });
});
