import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { resizeAndCropStep } from "../../image/image-steps.ts";
import { ImageLoader } from "./image-loader.ts";

const SIZE = 1024;
const IMAGES = 2;
/** A batch, and so what is shared with the threads for it. */
const MEBIBYTES = (IMAGES * SIZE * SIZE * 3 * 4) / 2 ** 20;
const preprocessing = {
  size: [SIZE, SIZE],
  resize: SIZE,
  interpolation: "bilinear",
  mean: [0, 0, 0],
  std: [1, 1, 1],
  inputChannels: 3,
} as const;
const file = fileURLToPath(new URL("../fixtures/images/420.jpg", import.meta.url));
const dataset = { length: IMAGES, classes: ["a"], label: () => 0, sample: () => ({ name: "a", file }) };

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Without batches that nobody holds any more: the second collection ends what the first leaves to other threads. */
function residentMebibytes(): number {
  collectGarbage();
  collectGarbage();
  return process.memoryUsage.rss() / 2 ** 20;
}

describe("ImageLoader", () => {
  it("takes no more memory from epoch to epoch", async () => {
    const steps = [resizeAndCropStep(preprocessing)];
    const loader = new ImageLoader({ dataset, batchSize: IMAGES, steps, preprocessing, workers: 2 });
    const after: number[] = [];
    for (let epoch = 0; epoch < 24; epoch++) {
      for await (const _ of loader.batches(epoch));
      after.push(residentMebibytes());
    }
    await loader.close();
    // What the threads have not collected yet stays below 5 batches; one of each epoch would be 22.
    expect(Math.max(...after) - after[1]!).toBeLessThan(6 * MEBIBYTES);
  });

  it("makes batches in the memory of earlier ones where it may", async () => {
    const [steps, small] = [
      [resizeAndCropStep({ size: 8, resize: 8 })],
      { ...preprocessing, size: [8, 8], resize: 8 },
    ] as const;
    const options = { dataset, batchSize: 1, steps, preprocessing: small, workers: 1, prefetch: 1 };
    const [loader, fresh] = [new ImageLoader({ ...options, reuseMemory: true }), new ImageLoader(options)];
    const memories = new Set<ArrayBufferLike>();
    for (let epoch = 0; epoch < 5; epoch++) {
      const expected = fresh.batches(epoch);
      for await (const { images } of loader.batches(epoch)) {
        expect(images.data).toEqual((await expected.next()).value?.images.data);
        memories.add(images.data.buffer);
      }
    }
    expect(memories.size).toBeLessThanOrEqual(3); // The one in use, and two that are made ahead.
    await Promise.all([loader.close(), fresh.close()]);
  });
});
