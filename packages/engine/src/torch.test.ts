import type { NdArray } from "@repvgg/core";
import { crossEntropy64, relativeError, torchReference } from "@repvgg/tooling";
import { describe, expect, it } from "vitest";
import { createTrainingNetwork } from "./training.ts";

describe("the engine against PyTorch's float64", () => {
  it.each([
    ["plain", false],
    ["plain", true],
    ["grouped", false],
    ["grouped", true],
    ["plus", false],
    ["plus", true],
  ] as const)("takes the same five steps (%s, nesterov %s)", async (name, nesterov) => {
    const torch = torchReference(name);
    const { plan, state, images, labels, sgd } = torch;
    const options = { spec: plan.spec, state, imageSize: plan.inputSize, batchSize: images.shape[0] };
    const network = await createTrainingNetwork(options);
    const predicted = await network.predict(images);
    expect(relativeError(predicted.data, torch.evalLogits)).toBeLessThan(1e-5);
    const losses = nesterov ? torch.nesterovLosses : torch.losses;
    for (const [i, expected] of losses.entries()) {
      const { logits, auxiliary } = network.forward(images);
      if (i === 0) expect(relativeError(logits.data, torch.trainLogits)).toBeLessThan(1e-5);
      const [own, ...heads] = [logits, ...auxiliary].map(({ data }) => crossEntropy64(data, labels));
      const loss = heads.reduce((sum, head) => sum + torch.auxiliaryWeight * head.loss, own!.loss);
      // Rounding grows from step to step through batch normalization of few values.
      expect(Math.abs(loss - expected)).toBeLessThan(1e-4);
      network.backwardAndUpdate(
        {
          logits: { shape: logits.shape, data: Float32Array.from(own!.gradient) },
          auxiliary: heads.map(({ gradient }) => ({
            shape: logits.shape,
            data: Float32Array.from(gradient, (g) => torch.auxiliaryWeight * g),
          })),
        },
        { ...sgd, nesterov },
      );
    }
    if (!nesterov) {
      const trained = await network.exportState();
      const worst = Math.max(
        ...[...torch.stateAfter].map(([name, { data }]) => relativeError(trained.get(name)!.data, data)),
      );
      // Float32 through five steps; measured: 4e-7 of the largest value of an array.
      expect(worst).toBeLessThan(1e-5);
    }
    network.dispose();
  });

  it.each(["plain", "grouped", "plus"] as const)("takes them with the authors' custom L2 penalty, %s", async (name) => {
    const { plan, state, images, labels, sgd, auxiliaryWeight, customL2 } = torchReference(name);
    const options = { spec: plan.spec, state, imageSize: plan.inputSize, batchSize: images.shape[0] };
    const network = await createTrainingNetwork(options);
    for (const _ of customL2.losses) {
      const { logits, auxiliary } = network.forward(images);
      const gradientAt = ({ shape, data }: NdArray, weight = 1) => ({
        shape,
        data: Float32Array.from(crossEntropy64(data, labels).gradient, (g) => weight * g),
      });
      network.backwardAndUpdate(
        { logits: gradientAt(logits), auxiliary: auxiliary.map((head) => gradientAt(head, auxiliaryWeight)) },
        { ...sgd, nesterov: false, customL2: customL2.weight },
      );
    }
    const trained = await network.exportState();
    for (const [entry, { data }] of customL2.kernelsAfter) {
      // Float32 through five steps; without the penalty, or with weight decay beside it, 2e-4 of the largest weight off.
      expect(relativeError(trained.get(entry)!.data, data), entry).toBeLessThan(2e-5);
    }
    network.dispose();
  });
});
