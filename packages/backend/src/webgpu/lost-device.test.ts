import { backend } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { listDevices } from "../list-devices.ts";
import { openDevice } from "../open-device.ts";
import { crossEntropy, freshState, IMAGE_SIZE, images, SPEC } from "../test-networks.ts";
import { withTfjsBackend } from "../tfjs-backend.ts";
import type { WebGpuBackend } from "./lost-device.ts";

/** `conformance.test.ts` fails where it must be here and is not. */
const here = (await listDevices()).filter(({ name, available }) => name === "webgpu" && available);

const STEP = { learningRate: 0.1, momentum: 0.9, weightDecay: 0, nesterov: false } as const;
const LOST = { code: "E_DEVICE", message: expect.stringContaining("The WebGPU device was lost (destroyed: ") };

it.each(here.length > 0 ? [] : ["webgpu"])("nothing is lost where %s is not", (name) => {
  expect(here.map((device) => device.name)).not.toContain(name);
});

// The last test of its process: there is one WebGPU device in each.
describe.each(here)("a device of $name that is lost", () => {
  it("is one error that says what to do, in the running step and ever after, and stops no other device", async () => {
    const device = await openDevice("webgpu");
    const options = { spec: SPEC, imageSize: IMAGE_SIZE, batchSize: 5, state: freshState() };
    const learner = await device.createTrainableNetwork(options);
    const step = () => learner.trainStep(images(5), crossEntropy([0, 1, 2, 3, 4]), STEP);
    expect((await step()).loss).toBeGreaterThan(0);

    const gpu = await withTfjsBackend("webgpu", () => (backend() as unknown as WebGpuBackend).device);
    const running = step();
    gpu.destroy();
    await expect(running).rejects.toMatchObject(LOST);
    await expect(step()).rejects.toMatchObject(LOST);
    await expect(learner.exportState()).rejects.toMatchObject(LOST);
    await expect(learner.predict(images(1))).rejects.toMatchObject(LOST);
    learner.dispose();

    const other = await (await openDevice("cpu")).createTrainableNetwork(options);
    expect((await other.trainStep(images(5), crossEntropy([0, 1, 2, 3, 4]), STEP)).loss).toBeGreaterThan(0);
    other.dispose();
  });
});
