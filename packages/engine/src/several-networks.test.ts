import { randomImages } from "@repvgg/tooling";
import { expect, it } from "vitest";
import { createInferenceNetwork } from "./inference.ts";
import { TEST_NETWORKS, testNetwork } from "./test-networks.ts";
import { createTrainingNetwork } from "./training.ts";

const FEW = testNetwork(TEST_NETWORKS["Winograd with few tiles"]!);
const MANY = testNetwork(TEST_NETWORKS["Winograd with many tiles"]!);
const GRADIENT = Float32Array.from({ length: FEW.batch * FEW.spec.numClasses }, (_, i) => Math.sin(i));
const STEP = { learningRate: 0.1, momentum: 0.9, weightDecay: 1e-4, nesterov: false };

/** Answers, a few images at a time, which lets others have their turns. */
async function answer(): Promise<Float32Array> {
  const network = await createInferenceNetwork({ ...MANY, form: "train", threads: 3 });
  const { data } = await network.predict(randomImages([7, ...MANY.imageSize, 3], 5));
  network.dispose();
  return data;
}

/** Learns for some steps, with a turn for others between. */
async function learn(): Promise<Float32Array[]> {
  const network = await createTrainingNetwork({ ...FEW, batchSize: FEW.batch, threads: 2 });
  for (let i = 0; i < 5; i++) {
    network.forward(FEW.images);
    await new Promise(setImmediate);
    network.backwardAndUpdate({ logits: { shape: [FEW.batch, FEW.spec.numClasses], data: GRADIENT } }, STEP);
  }
  const state = await network.exportState();
  network.dispose();
  return [...state.values()].map(({ data }) => data);
}

it("several networks at once, with threads of their own, answer and learn as each does alone", async () => {
  const [answered, learned] = [await answer(), await learn()];
  const results = await Promise.all([answer(), learn(), answer(), learn()]);
  expect(results).toEqual([answered, learned, answered, learned]);
});
