import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { findVariant, initialState, type Network, type OptimizerStep, zeros } from "@repvgg/core";
import { afterAll, describe, expect, it } from "vitest";
import { estimateMemory, type InferenceSize, type TrainingSize } from "./estimate-memory.ts";
import { createInferenceNetwork } from "./inference.ts";
import { createTrainingNetwork } from "./training.ts";

const SGD = { learningRate: 1e-4, momentum: 0.9, weightDecay: 1e-4, nesterov: false } satisfies OptimizerStep;
const MEBIBYTE = 2 ** 20;
/** Borders of zeros that nobody reads, and, in the other direction, images, logits and code outside of the engine's memory. */
const MARGIN = 0.05;
const OUTSIDE_BYTES = 16 * MEBIBYTE;

/** Collects what is garbage, and waits for V8's other threads to give it back, so that nothing else comes or goes meanwhile. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  await sleep(100);
}

/** All stay to the end: the memory of one that is gone may come back while another is measured. */
const networks: Network[] = [];
afterAll(() => {
  for (const network of networks) network.dispose();
});

/** How much more memory the process holds after `use`, with the network still there. */
async function growth(use: () => Promise<Network>): Promise<number> {
  await collectGarbage();
  const before = process.memoryUsage.rss();
  networks.push(await use());
  await collectGarbage();
  return process.memoryUsage.rss() - before;
}

function expectClose(actual: number, estimate: number): void {
  const [a, e] = [actual, estimate].map((bytes) => Math.round(bytes / MEBIBYTE));
  expect(actual, `${a} MiB, estimated ${e}`).toBeGreaterThan(estimate * (1 - MARGIN) - OUTSIDE_BYTES);
  expect(actual, `${a} MiB, estimated ${e}`).toBeLessThan(estimate * (1 + MARGIN) + OUTSIDE_BYTES);
}

const { spec } = findVariant("repvgg-a0-64");
const [trained, deployed] = [initialState(spec, 1), initialState(spec, 1, "deploy")];
const train = { spec, imageSize: [64, 64], batchSize: 8 } satisfies TrainingSize;

describe("estimateMemory", () => {
  it.each<[string, TrainingSize, OptimizerStep]>([
    ["a step of SGD", train, SGD],
    ["with checkpointing", { ...train, checkpointing: true }, SGD],
    [
      "of AdamW, with an average",
      { ...train, adamw: true, averages: true },
      { kind: "adamw", learningRate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, averageDecay: 0.9 },
    ],
  ])("is what a training takes: %s", async (_, size, step) => {
    const images = zeros([8, 64, 64, 3]);
    const taken = await growth(async () => {
      const network = await createTrainingNetwork({ ...size, state: trained });
      network.forward(images);
      network.backwardAndUpdate({ logits: zeros([8, spec.numClasses]) }, step);
      return network;
    });
    expectClose(taken, estimateMemory(size));
  });

  it("is what an answer takes", async () => {
    const size = { spec, form: "deploy", imageSize: [224, 224], batchSize: 8 } satisfies InferenceSize;
    const taken = await growth(async () => {
      const network = await createInferenceNetwork({ ...size, state: deployed });
      await network.predict(zeros([8, 224, 224, 3]));
      return network;
    });
    expectClose(taken, estimateMemory(size));
  });

  it("is more than can be had where a network does not fit", async () => {
    const size = { ...train, batchSize: 4096 };
    expect(estimateMemory(size)).toBeGreaterThan(2 ** 32);
    await expect(createTrainingNetwork({ ...size, state: trained })).rejects.toMatchObject({
      code: "E_MEMORY",
    });
  });
});
