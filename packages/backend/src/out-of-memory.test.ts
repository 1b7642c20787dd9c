import { fill, reshape, type Scalar, sum, type Tensor } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import type { DeviceName } from "./device.ts";
import { listDevices } from "./list-devices.ts";
import { openDevice } from "./open-device.ts";
import { assertArraysFit } from "./out-of-memory.ts";
import { crossEntropy, freshState, IMAGE_SIZE, images, SPEC } from "./test-networks.ts";

/** `conformance.test.ts` fails where one of them must be here and is not. */
const here = (await listDevices()).filter(({ available }) => available).map(({ name }) => name);
const among = (...names: DeviceName[]) => names.filter((name) => here.includes(name));

const STEP = { learningRate: 0.1, momentum: 0.9, weightDecay: 0, nesterov: false } as const;
/** 4 TiB, which no machine gives. */
const tooMuch = () => sum<Scalar>(fill([2 ** 20, 2 ** 20], 1));
const options = { spec: SPEC, imageSize: IMAGE_SIZE, batchSize: 5 };

describe.each(among("native", "cpu"))("on %s", (name) => {
  it("a step that runs out of memory is E_MEMORY, and changes nothing", async () => {
    const device = await openDevice(name, { threads: 2 });
    const learner = await device.createTrainableNetwork({ ...options, state: freshState() });
    await expect(learner.trainStep(images(5), tooMuch, STEP)).rejects.toMatchObject({
      code: "E_MEMORY",
      message: expect.stringContaining("ran out of memory with 5 images of 9x7 at once. Use a smaller batch"),
    });
    expect(await learner.exportState()).toEqual(freshState());
    expect(Number.isFinite((await learner.trainStep(images(5), crossEntropy([0, 1, 2, 3, 4]), STEP)).loss)).toBe(true);
    learner.dispose();
  });

  it("an error of the loss stays what it is", async () => {
    const device = await openDevice(name, { threads: 2 });
    const learner = await device.createTrainableNetwork({ ...options, state: freshState() });
    const wrong = ({ logits }: { logits: Tensor }) => sum<Scalar>(reshape(logits, [3]));
    await expect(learner.trainStep(images(5), wrong, STEP)).rejects.not.toMatchObject({ code: "E_MEMORY" });
    const recursive = (): Scalar => recursive(); // a RangeError, as arrays that are too large are
    await expect(learner.trainStep(images(5), recursive, STEP)).rejects.not.toMatchObject({ code: "E_MEMORY" });
    learner.dispose();
  });
});

describe.each(among("webgpu"))("on %s", (name) => {
  it("a batch with an array beyond the device's limits is E_MEMORY before any work, with the batch that fits", async () => {
    const device = await openDevice(name);
    const batchSize = 2 ** 30;
    const make = (batchSize: number) => device.createTrainableNetwork({ ...options, batchSize, state: freshState() });
    const error = await make(batchSize).catch((error: Error) => error as Error & { code: string });
    expect(error).toMatchObject({ code: "E_MEMORY" });
    const fits = Number(/A batch of (\d+) would fit/.exec((error as Error).message)?.[1]);
    (await make(fits)).dispose();
    await expect(make(fits + 1)).rejects.toMatchObject({ code: "E_MEMORY" });
    await expect(
      device.createNetwork({ ...options, batchSize, state: freshState(), form: "train" }),
    ).rejects.toMatchObject({ code: "E_MEMORY" });
  });
});

describe("the largest array", () => {
  it("is that of the images or of a block's output", () => {
    // 9 x 7 pixels of 3 channels in, of 4 channels out of the stem: 1,008 bytes an image
    const wanted = { spec: SPEC, imageSize: IMAGE_SIZE };
    expect(() => assertArraysFit({ ...wanted, batchSize: 4 }, 4 * 1008)).not.toThrow();
    expect(() => assertArraysFit({ ...wanted, batchSize: 5 }, 4 * 1008)).toThrow("A batch of 4 would fit.");
    expect(() => assertArraysFit({ ...wanted, batchSize: 1 }, 1007)).toThrow("Not even one image fits");
  });
});
