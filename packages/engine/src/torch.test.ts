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
});
