import { crossEntropy64, randomImages, relativeError } from "@repvgg/tooling";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-layers"; // registers the gradients
import { losses, memory, oneHot, type Scalar, setBackend, square, sum, tensor1d } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { ndArray } from "../nd-array.ts";
import { lossGradient } from "./loss-gradient.ts";

const labels = [0, 2, 1, 4, 3, 0];
const logits = ndArray([6, 5], randomImages([6, 1, 1, 5], 1).data);

beforeAll(async () => {
  await setBackend("cpu");
});

describe("lossGradient", () => {
  it("gives a loss and its gradient at the logits, and leaks nothing", () => {
    const before = memory().numTensors;
    const { loss, gradient } = lossGradient(
      ({ logits }) => losses.softmaxCrossEntropy(oneHot(tensor1d(labels, "int32"), 5), logits),
      logits,
    );
    const reference = crossEntropy64(logits.data, labels);
    // Float32 against float64.
    expect(Math.abs(loss - reference.loss)).toBeLessThan(1e-6);
    expect(relativeError(gradient.data, reference.gradient)).toBeLessThan(1e-6);
    expect(gradient.shape).toEqual([6, 5]);
    expect(memory().numTensors).toBe(before);
  });

  it("leaves the logits unchanged, and unshared with the loss", () => {
    const copy = logits.data.slice();
    lossGradient(({ logits }) => sum(square(logits)) as Scalar, logits).gradient.data.fill(0);
    expect(logits.data).toEqual(copy);
  });

  it("refuses a loss that is not a scalar, and leaks nothing", () => {
    const before = memory().numTensors;
    expect(() => lossGradient(({ logits }) => square(logits) as Scalar, logits)).toThrow(
      expect.objectContaining({ code: "E_SHAPE", message: expect.stringContaining("scalar") }),
    );
    expect(memory().numTensors).toBe(before);
  });
});
