import { availableParallelism } from "node:os";
import { layerPlan } from "@repvgg/core";
import { forward64, relativeError, torchReference } from "@repvgg/tooling";
import { getBackend, memory, setBackend } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { DEVICE_NAMES, type Device } from "./device.ts";
import { listDevices } from "./list-devices.ts";
import { openDevice } from "./open-device.ts";
import { crossEntropy, deployState, freshState, IMAGE_SIZE, images, SPEC, slice, trainState } from "./test-networks.ts";
import { withTfjsBackend } from "./tfjs-backend.ts";

/** Float32 against float64 through 6 layers. */
const TOLERANCE = 1e-5;

const reference = (form: "train" | "deploy") => {
  const state = form === "train" ? trainState() : deployState();
  return forward64(layerPlan(SPEC, IMAGE_SIZE), state, images(5), { mode: "inference" }).logits;
};
const network = (device: Device, form: "train" | "deploy", batchSize = 5) =>
  device.createNetwork({
    spec: SPEC,
    state: form === "train" ? trainState() : deployState(),
    form,
    imageSize: IMAGE_SIZE,
    batchSize,
  });

/** Those that need nothing but what npm installs; the conformance suite has the others too. */
const PORTABLE = ["wasm", "tfjs-wasm", "cpu"] as const;

describe.each(PORTABLE)("the device %s", (name) => {
  it.each(["train", "deploy"] as const)("predicts as the float64 reference, in %s form", async (form) => {
    const device = await openDevice(name, { threads: 1 });
    expect(device.name).toBe(name);
    const predicting = await network(device, form);
    const { shape, data } = await predicting.predict(images(5));
    expect(shape).toEqual([5, SPEC.numClasses]);
    expect(relativeError(data, reference(form))).toBeLessThan(TOLERANCE);
    predicting.dispose();
  });

  it("predicts any number of images, in pieces of the batch size", async () => {
    const device = await openDevice(name, { threads: 1 });
    const predicting = await network(device, "deploy", 2);
    const { shape, data } = await predicting.predict(images(5));
    expect(shape).toEqual([5, SPEC.numClasses]);
    expect(relativeError(data, reference("deploy"))).toBeLessThan(TOLERANCE);
    const one = await predicting.predict(slice(images(5), 4, 5));
    expect(relativeError(one.data, data.slice(-SPEC.numClasses))).toBeLessThan(TOLERANCE);
    predicting.dispose();
  });

  it("gives back the state that a network was made from", async () => {
    const device = await openDevice(name, { threads: 1 });
    for (const form of ["train", "deploy"] as const) {
      const made = await network(device, form);
      expect(await made.exportState()).toEqual(form === "train" ? trainState() : deployState());
      made.dispose();
    }
  });

  it("refuses images of another size or other channels", async () => {
    const device = await openDevice(name, { threads: 1 });
    const predicting = await network(device, "deploy");
    const wrong = { shape: [1, 7, 9, 3], data: new Float32Array(7 * 9 * 3) } as const;
    await expect(predicting.predict(wrong)).rejects.toMatchObject({
      code: "E_SHAPE",
      message: "images must have shape [N, 9, 7, 3], got [1, 7, 9, 3].",
    });
    const grey = { shape: [1, 9, 7, 1], data: new Float32Array(9 * 7) } as const;
    await expect(predicting.predict(grey)).rejects.toMatchObject({ code: "E_SHAPE" });
    predicting.dispose();
  });

  it("refuses a state of another spec or form", async () => {
    const device = await openDevice(name, { threads: 1 });
    const options = { spec: SPEC, state: trainState(), form: "deploy", imageSize: IMAGE_SIZE } as const;
    await expect(device.createNetwork(options)).rejects.toMatchObject({ code: "E_STATE" });
  });

  it("says so when a network is used after it was disposed, and disposes twice", async () => {
    const device = await openDevice(name, { threads: 1 });
    const tensors = () => withTfjsBackend("cpu", () => memory().numTensors);
    const before = await tensors();
    const made = await network(device, "train");
    made.dispose();
    made.dispose();
    expect(await tensors()).toBe(before);
    await expect(made.predict(images(1))).rejects.toMatchObject({ code: "E_DISPOSED" });
  });
});

describe.each(PORTABLE)("training on %s", (name) => {
  it.each(["plain", "grouped"] as const)("gives the losses of PyTorch's five steps, %s", async (reference) => {
    const { plan, state, images, labels, sgd, losses, stateAfter } = torchReference(reference);
    const device = await openDevice(name, { threads: 1 });
    const batchSize = images.shape[0];
    const learner = await device.createTrainableNetwork({
      spec: plan.spec,
      state,
      imageSize: plan.inputSize,
      batchSize,
    });
    const found: number[] = [];
    for (const _ of losses) {
      found.push((await learner.trainStep(images, crossEntropy(labels), { ...sgd, nesterov: false })).loss);
    }
    expect(relativeError(found, losses)).toBeLessThan(1e-4); // what the project asks for: float32 over five steps
    const after = await learner.exportState();
    for (const [key, { data }] of stateAfter) expect(relativeError(after.get(key)!.data, data), key).toBeLessThan(1e-3);
    learner.dispose();
  });

  it("changes nothing at a loss that is not finite", async () => {
    const device = await openDevice(name, { threads: 1 });
    const learner = await device.createTrainableNetwork({
      spec: SPEC,
      state: freshState(),
      imageSize: IMAGE_SIZE,
      batchSize: 5,
    });
    const broken = images(5);
    broken.data[7] = Number.NaN;
    const step = { learningRate: 0.1, momentum: 0.9, weightDecay: 1e-4, nesterov: false };
    const { loss } = await learner.trainStep(broken, crossEntropy([0, 1, 2, 3, 4]), step);
    expect(loss).toBeNaN();
    expect(await learner.exportState()).toEqual(freshState());
    learner.dispose();
  });
});

describe("devices side by side", () => {
  it("keep to their own backends, and to the application's", async () => {
    await setBackend("cpu");
    const [cpu, tfjsWasm] = [await openDevice("cpu"), await openDevice("tfjs-wasm")];
    const options = { spec: SPEC, state: freshState(), imageSize: IMAGE_SIZE, batchSize: 5 };
    const learner = await cpu.createTrainableNetwork(options);
    const other = await network(tfjsWasm, "deploy");
    const step = { learningRate: 0.1, momentum: 0.9, weightDecay: 0, nesterov: false };
    const labels = [0, 1, 2, 3, 4];
    const steps = [1, 2, 3].map(() => learner.trainStep(images(5), crossEntropy(labels), step));
    const predictions = [1, 2, 3].map(() => other.predict(images(5)));
    const losses = (await Promise.all(steps)).map(({ loss }) => loss);
    expect(losses[2]).toBeLessThan(losses[0]!);
    for (const { data } of await Promise.all(predictions)) {
      expect(relativeError(data, reference("deploy"))).toBeLessThan(TOLERANCE);
    }
    expect(getBackend()).toBe("cpu");
    learner.dispose();
    other.dispose();
  });
});

describe("wasm", () => {
  it("gives the same bits on any number of threads, and takes all cores unless told otherwise", async () => {
    const [one, two] = [await openDevice("wasm", { threads: 1 }), await openDevice("wasm", { threads: 2 })];
    expect([one.threads, two.threads]).toEqual([1, 2]);
    expect((await openDevice("wasm")).threads).toBe(availableParallelism());
    const [a, b] = [await network(one, "train"), await network(two, "train")];
    expect((await b.predict(images(5))).data).toEqual((await a.predict(images(5))).data);
    a.dispose();
    b.dispose();
  });

  it.each([0, 1.5, Number.NaN])("refuses %s threads", async (threads) => {
    await expect(openDevice("wasm", { threads })).rejects.toMatchObject({
      code: "E_USAGE",
      message: `threads must be a whole number, 1 or more, got ${threads}.`,
    });
  });
});

describe("listDevices", () => {
  it("says of each device whether it can be used here, and why", async () => {
    const devices = await listDevices();
    expect(devices.map(({ name }) => name)).toEqual([...DEVICE_NAMES]);
    const available = devices.filter((device) => device.available).map(({ name }) => name);
    expect(available).toEqual(expect.arrayContaining(["wasm", "tfjs-wasm", "cpu"]));
    for (const { reason } of devices) expect(reason.length).toBeGreaterThan(20);
  });
});

describe("exact devices", () => {
  it.each(PORTABLE)("are %s", async (name) => {
    const device = await openDevice(name, { threads: 1, exact: true });
    const predicting = await network(device, "deploy");
    expect(relativeError((await predicting.predict(images(5))).data, reference("deploy"))).toBeLessThan(TOLERANCE);
    predicting.dispose();
  });

  it.each(["cuda", "native", "webgpu"] as const)("are not %s", async (name) => {
    await expect(openDevice(name, { exact: true })).rejects.toMatchObject({ code: "E_UNSUPPORTED" });
  });

  it("say so where they have no checkpointing", async () => {
    const device = await openDevice("cpu");
    const options = { spec: SPEC, state: trainState(), imageSize: IMAGE_SIZE, batchSize: 2, checkpointing: true };
    await expect(device.createTrainableNetwork(options)).rejects.toMatchObject({ code: "E_UNSUPPORTED" });
  });
});
