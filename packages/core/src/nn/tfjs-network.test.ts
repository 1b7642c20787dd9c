import { forward64, randomImages, randomSpec, randomState, relativeError, torchReference } from "@repvgg/tooling";
import "@tensorflow/tfjs-backend-cpu";
import { memory, type Scalar, setBackend, sum } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { fuseState } from "../fuse-network.ts";
import { layerPlan } from "../layer-plan.ts";
import type { Images } from "../nd-array.ts";
import type { Form, RepVggSpec } from "../spec.ts";
import { createTfjsNetwork } from "./create-tfjs-network.ts";

// Float32 has 6e-8 a rounding; up to 13 blocks of sums of some hundred products.
const FLOAT32 = 2e-5;

beforeAll(async () => {
  await setBackend("cpu");
});

async function predict(spec: RepVggSpec, form: Form, state: ReturnType<typeof randomState>, images: Images) {
  const network = createTfjsNetwork({ spec, form, state });
  const { data } = await network.predict(images);
  network.dispose();
  return data;
}

describe("TfjsNetwork", () => {
  it.each(["plain", "grouped", "plus"] as const)("gives PyTorch's logits, %s, in both forms", async (name) => {
    const { plan, state, images, evalLogits } = torchReference(name);
    expect(relativeError(await predict(plan.spec, "train", state, images), evalLogits)).toBeLessThan(FLOAT32);
    const fused = fuseState(plan.spec, state);
    expect(relativeError(await predict(plan.spec, "deploy", fused, images), evalLogits)).toBeLessThan(FLOAT32);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("agrees with float64 on random spec %i, at even and odd sizes", async (seed) => {
    const spec = randomSpec(seed);
    for (const [height, width] of [
      [9, 8],
      [12, 5],
    ] as const) {
      const plan = layerPlan(spec, [height, width]);
      const images = randomImages([2, height, width, spec.inputChannels], seed);
      for (const form of ["train", "deploy"] as const) {
        const state = randomState(plan, form, seed);
        const { logits } = forward64(plan, state, images, { mode: "inference" });
        expect(relativeError(await predict(spec, form, state, images), logits), form).toBeLessThan(FLOAT32);
      }
    }
  });

  it.each([1, 2, 3])("gives the outputs of the stages in both forms, random spec %i", async (seed) => {
    const spec = randomSpec(seed);
    const plan = layerPlan(spec, [9, 8]);
    const images = randomImages([2, 9, 8, spec.inputChannels], seed);
    const state = randomState(plan, "train", seed);
    const { blocks } = forward64(plan, state, images, { mode: "inference" });
    for (const form of ["train", "deploy"] as const) {
      const network = createTfjsNetwork({ spec, form, state: form === "train" ? state : fuseState(spec, state) });
      const features = await network.features(images);
      network.dispose();
      expect(features.length).toBe(4);
      features.forEach(({ shape, data }, i) => {
        const expected = blocks[plan.blocks.findLast(({ stage }) => stage === i + 1)!.index]!.y;
        expect(shape).toEqual(expected.shape);
        expect(relativeError(data, expected.data)).toBeLessThan(FLOAT32);
      });
    }
  });

  it("switches blocks to deploy form in place, with the same answers", async () => {
    const { plan, state, images, evalLogits } = torchReference("plus");
    const before = memory().numTensors;
    const network = createTfjsNetwork({ spec: plan.spec, form: "train", state });
    const owned = memory().numTensors;
    const expectSame = async () =>
      expect(relativeError((await network.predict(images)).data, evalLogits)).toBeLessThan(FLOAT32);
    await network.switchToDeploy(["stage0", "stage3_first.blocks.0"]);
    expect(network.form).toEqual(plan.blocks.map(({ index }) => (index === 0 || index === 3 ? "deploy" : "train")));
    await expectSame();
    await expect(network.switchToDeploy(["stage9"])).rejects.toMatchObject({ code: "E_USAGE" });
    await network.switchToDeploy();
    expect(network.form).toBe("deploy");
    expect(await network.exportState()).toEqual(fuseState(plan.spec, state));
    await expectSame();
    await network.switchToDeploy(); // nothing left to do
    expect(memory().numTensors).toBeLessThan(owned);
    const step = { learningRate: 0.1, momentum: 0, weightDecay: 0, nesterov: false };
    const training = network.trainStep(images, ({ logits }) => sum(logits) as Scalar, step);
    await expect(training).rejects.toMatchObject({
      code: "E_USAGE",
      message: expect.stringContaining("switchToDeploy"),
    });
    network.dispose();
    expect(memory().numTensors).toBe(before);
  });

  it("runs a partly fused network", async () => {
    const { plan, state, images, evalLogits } = torchReference("grouped");
    const some = fuseState(plan.spec, state, ["stage1.0", "stage4.0"]);
    const form = plan.blocks.map(({ name }): Form => (/^stage[14]/.test(name) ? "deploy" : "train"));
    const network = createTfjsNetwork({ spec: plan.spec, form, state: some });
    expect(relativeError((await network.predict(images)).data, evalLogits)).toBeLessThan(FLOAT32);
    expect(await network.exportState()).toEqual(some);
    network.dispose();
  });

  it("squeezes and excites after the ReLU too", async () => {
    const spec = randomSpec(2, { squeezeExcitation: "after-relu" });
    const plan = layerPlan(spec, [8, 8]);
    const state = randomState(plan, "train", 2);
    const images = randomImages([1, 8, 8, spec.inputChannels], 2);
    const { logits } = forward64(plan, state, images, { mode: "inference" });
    expect(relativeError(await predict(spec, "train", state, images), logits)).toBeLessThan(FLOAT32);
  });

  it("exports what it was made of, as a copy", async () => {
    const { plan, state } = torchReference("grouped");
    const network = createTfjsNetwork({ spec: plan.spec, form: "train", state });
    const exported = await network.exportState();
    expect(exported).toEqual(state);
    expect([...exported.keys()]).toEqual([...state.keys()]);
    exported.get("linear.bias")!.data.fill(9);
    expect(await network.exportState()).toEqual(state);
    network.dispose();
  });

  it("leaks nothing and borrows images and state", async () => {
    const { plan, state, images } = torchReference("grouped");
    const [stateBefore, imagesBefore] = [structuredClone(state), structuredClone(images)];
    const before = memory().numTensors;
    const network = createTfjsNetwork({ spec: plan.spec, form: "train", state });
    const owned = memory().numTensors;
    expect(owned).toBeGreaterThan(before);
    await network.predict(images);
    await network.exportState();
    expect(memory().numTensors).toBe(owned);
    network.dispose();
    network.dispose();
    expect(memory().numTensors).toBe(before);
    expect(state).toEqual(stateBefore);
    expect(images).toEqual(imagesBefore);
  });

  it("refuses images of another shape, and use after dispose", async () => {
    const { plan, state, images } = torchReference("plain");
    const network = createTfjsNetwork({ spec: plan.spec, form: "train", state });
    const grey: Images = { shape: [1, 8, 8, 1], data: new Float32Array(64) };
    await expect(network.predict(grey)).rejects.toMatchObject({ code: "E_SHAPE" });
    const none: Images = { shape: [0, 8, 8, 3], data: new Float32Array(0) };
    await expect(network.predict(none)).rejects.toMatchObject({ code: "E_SHAPE" });
    network.dispose();
    await expect(network.predict(images)).rejects.toMatchObject({ code: "E_DISPOSED" });
    await expect(network.exportState()).rejects.toMatchObject({ code: "E_DISPOSED" });
  });

  it("refuses a state of the other form before it takes any memory", () => {
    const { plan, state } = torchReference("plain");
    const before = memory().numTensors;
    expect(() => createTfjsNetwork({ spec: plan.spec, form: "deploy", state })).toThrow(
      expect.objectContaining({ code: "E_STATE" }),
    );
    expect(memory().numTensors).toBe(before);
  });
});
