import "@tensorflow/tfjs-backend-cpu";
import { initialState, type NdArray, type Network } from "@repvgg/core";
import { createTfjsNetwork } from "@repvgg/core/nn";
import { setBackend } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { Batch, BatchSource } from "./batch-source.ts";
import { orderedLoader, TINY, tinyNetwork, trainingLoader } from "./test-training.ts";
import { Trainer } from "./trainer.ts";
import type { Student, TrainerOptions } from "./trainer-types.ts";

beforeAll(async () => {
  await setBackend("cpu");
});

/** Runs a training that must be refused before its first step. */
async function refusal(more: Partial<TrainerOptions>): Promise<{ code: string; message: string }> {
  let steps = 0;
  const callbacks = { onStep: () => void steps++ };
  try {
    await new Trainer({ network: tinyNetwork(), data: trainingLoader(), epochs: 1, callbacks, ...more }).run();
  } catch (error) {
    expect(steps).toBe(0);
    return error as { code: string; message: string };
  }
  throw new Error("The training was not refused.");
}

const source = (images: readonly [number, number, number, number], more: Partial<Batch> = {}): BatchSource => ({
  batchesPerEpoch: 1,
  dataset: { length: images[0] },
  async *batches() {
    const [N] = images;
    const data = new Float32Array(images.reduce((a, b) => a * b));
    yield { images: { shape: images, data }, labels: new Int32Array(N), indices: new Int32Array(N), ...more };
  },
});

describe("a training is refused before its first step when", () => {
  it("a data set is empty or does not fill a batch", async () => {
    const empty: BatchSource = { ...source([1, 6, 6, 1]), dataset: { length: 0 } };
    expect(await refusal({ data: empty })).toMatchObject({
      code: "E_DATA",
      message: "The training set has no images. Check its folder and any limit on its length.",
    });
    expect(await refusal({ validation: empty })).toMatchObject({ message: expect.stringContaining("validation set") });
    const tooFew: BatchSource = { ...source([5, 6, 6, 1]), batchesPerEpoch: 0 };
    expect(await refusal({ data: tooFew })).toMatchObject({
      code: "E_DATA",
      message: "The training set has 5 images, which do not fill one batch. Make the batch smaller.",
    });
  });

  it("the network has other classes than the data", async () => {
    const spec = { ...TINY, numClasses: 1000 };
    const network = createTfjsNetwork({ spec, state: initialState(spec, 1), form: "train" });
    expect(await refusal({ network })).toMatchObject({
      code: "E_DATA",
      message: expect.stringContaining("The network has 1000 classes, but the training set has 3."),
    });
  });

  it("a label is no class, which the data set or only a batch may show", async () => {
    const known: BatchSource = { ...source([2, 6, 6, 1]), dataset: { length: 2, label: (i) => 3 * i } };
    const message = expect.stringContaining(
      "Image 1 of the training set has the label 3, but the network has the classes 0 to 2.",
    );
    expect(await refusal({ data: known })).toMatchObject({ code: "E_DATA", message });
    const labels = Int32Array.of(0, 3);
    const unknown = source([2, 6, 6, 1], { labels, indices: Int32Array.of(0, 1) });
    expect(await refusal({ data: unknown })).toMatchObject({ code: "E_DATA", message });
  });

  it("images have other channels or another size than the network", async () => {
    expect(await refusal({ data: source([2, 6, 6, 3]) })).toMatchObject({
      code: "E_SHAPE",
      message: "A batch of the training set must have shape [N, H, W, 1], got [2, 6, 6, 3].",
    });
    const network: Student = Object.assign(tinyNetwork(), { imageSize: [8, 8] as const });
    expect(await refusal({ network })).toMatchObject({
      code: "E_DATA",
      message: expect.stringContaining("Images of the training set are 6×6 pixels, but the network was made for 8×8."),
    });
    expect(await refusal({ validation: source([2, 5, 6, 1]) })).toMatchObject({
      code: "E_DATA",
      message: expect.stringContaining("are 6×6 pixels, those of the validation set 5×6."),
    });
  });

  it("the network takes batches of one size only, and the data has others", async () => {
    const network = (): Student => Object.assign(tinyNetwork(), { batchSize: 8 });
    expect(await refusal({ network: network(), data: trainingLoader(48, 4) })).toMatchObject({
      code: "E_DATA",
      message: expect.stringContaining("made for batches of 8 images, the training set gives batches of 4."),
    });
    expect(await refusal({ network: network(), data: orderedLoader(20, 8) })).toMatchObject({
      code: "E_DATA",
      message: expect.stringContaining("The last batch of the training set has only 4 images"),
    });
  });

  it("a loader gives no batch, or labels of another number", async () => {
    const silent: BatchSource = { ...source([1, 6, 6, 1]), async *batches() {} };
    expect(await refusal({ data: silent })).toMatchObject({
      code: "E_DATA",
      message: expect.stringContaining("gave no batch"),
    });
    expect(await refusal({ data: source([2, 6, 6, 1], { labels: new Int32Array(3) }) })).toMatchObject({
      code: "E_SHAPE",
    });
  });

  it("an option is out of range, or the network is in deploy form", async () => {
    expect(await refusal({ epochs: 0 })).toMatchObject({
      code: "E_USAGE",
      message: "epochs must be a whole number, 1 or more, got 0.",
    });
    expect(await refusal({ saveEverySteps: 0.5 })).toMatchObject({ code: "E_USAGE" });
    expect(await refusal({ optimizer: { momentum: 2 } })).toMatchObject({ code: "E_USAGE" });
    const network = createTfjsNetwork({ spec: TINY, state: initialState(TINY, 1, "deploy"), form: "deploy" });
    expect(await refusal({ network: network as Network as Student })).toMatchObject({
      code: "E_USAGE",
      message: expect.stringContaining("deploy form"),
    });
  });

  it("it resumes another training", async () => {
    const { progress } = new Trainer({ network: tinyNetwork(), data: trainingLoader(), epochs: 2 });
    const optimizer = new Map<string, NdArray>();
    const resume = (change: object, epochs = 2) =>
      refusal({ epochs, resume: { progress: { ...progress, ...change }, optimizer } });
    expect(await resume({}, 3)).toMatchObject({
      code: "E_STATE",
      message: expect.stringContaining("it was to have 2 epochs, not 3."),
    });
    expect(await resume({ batchesPerEpoch: 7 })).toMatchObject({
      message: expect.stringContaining("had 7 batches, now 6"),
    });
    expect(await resume({ epoch: 9 })).toMatchObject({ message: expect.stringContaining("no epoch 9") });
    expect(await resume({ version: 2 })).toMatchObject({ message: expect.stringContaining("version 2") });
  });
});

it("a loader that gives fewer batches than it announced is found out", async () => {
  const short: BatchSource = { ...source([4, 6, 6, 1]), batchesPerEpoch: 2 };
  const trainer = new Trainer({ network: tinyNetwork(), data: short, epochs: 1 });
  await expect(trainer.run()).rejects.toMatchObject({
    code: "E_DATA",
    message: "The loader of the training set announced 2 batches and gave 1.",
  });
});
