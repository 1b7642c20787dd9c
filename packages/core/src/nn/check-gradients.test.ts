import { torchReference } from "@repvgg/tooling";
import "@tensorflow/tfjs-backend-cpu";
import { type Scalar, setBackend, sum } from "@tensorflow/tfjs-core";
import { beforeAll, expect, it } from "vitest";
import { createTfjsNetwork } from "./create-tfjs-network.ts";
import { lossGradient } from "./loss-gradient.ts";

// This file imports no gradients.
beforeAll(async () => {
  await setBackend("cpu");
});

const missing = { code: "E_UNSUPPORTED", message: expect.stringContaining('import "@tensorflow/tfjs-layers"') };

it("says what to import where tfjs has no gradients, and predicts all the same", async () => {
  const { plan, state, images } = torchReference("plain");
  const network = createTfjsNetwork({ spec: plan.spec, form: "train", state });
  const step = { learningRate: 0.1, momentum: 0, weightDecay: 0, nesterov: false };
  const training = network.trainStep(images, ({ logits }) => sum(logits) as Scalar, step);
  await expect(training).rejects.toMatchObject(missing);
  expect((await network.predict(images)).shape).toEqual([4, 10]);
  network.dispose();
});

it("says the same of the gradient of a loss", () => {
  const logits = { shape: [1, 2], data: new Float32Array(2) } as const;
  const outputs = { logits, auxiliary: [], features: [] };
  expect(() => lossGradient(({ logits }) => sum(logits) as Scalar, outputs)).toThrow(expect.objectContaining(missing));
});
