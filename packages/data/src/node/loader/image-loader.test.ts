import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Batch } from "../../finish-batch.ts";
import { randomHorizontalFlip } from "../../image/image-steps.ts";
import { preprocess } from "../../preprocessing.ts";
import { randomErasing } from "../../random-erasing.ts";
import { preprocessImageFile } from "../preprocess-image-file.ts";
import type { ImageLoaderOptions } from "./image-loader-options.ts";
import { all, failure, IMAGES, loaderBench, preprocessing, training, VAL } from "./test-loader.ts";

const bench = loaderBench();

describe("ImageLoader", () => {
  it("gives the tensors of each image, labels and indices", async () => {
    const batches = await all(bench.open({ transform: preprocess(preprocessing) }).batches(0));
    expect(batches.map(({ images }) => images.shape[0])).toEqual([6, 6, 6, 6, 6, 6, 4]);
    const first = batches[0]!;
    expect([...first.indices]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...first.labels]).toEqual([0, 1, 0, 1, 0, 1]);
    const size = 24 * 20 * 3;
    for (const [k, name] of IMAGES.slice(0, 6).entries()) {
      const { data } = await preprocessImageFile(join(bench.folder, name), preprocessing);
      expect(first.images.data.subarray(k * size, (k + 1) * size)).toEqual(data);
    }
  });

  it("gives the same whatever the number of workers, prefetch, the cache, and where it begins", async () => {
    const expected = await all(bench.open({ ...training, workers: 0 }).batches(2));
    expect(new Set(expected.flatMap(({ indices }) => [...indices])).size).toBe(40);
    const cacheFolder = join(bench.folder, "cache");
    const others: Partial<ImageLoaderOptions>[] = [
      { workers: 1 },
      { workers: 3 },
      { workers: 2, prefetch: 0 },
      { workers: 2, prefetch: 20 },
      { workers: 2, cache: "ram" },
      { workers: 0, cache: "disk", cacheFolder },
      { workers: 2, cache: "disk", cacheFolder },
    ];
    for (const options of others) {
      const loader = bench.open({ ...training, ...options });
      expect(await all(loader.batches(2))).toEqual(expected);
      expect(await all(loader.batches(2, 4))).toEqual(expected.slice(4));
    }
  });

  it.each([0, 2])("gives the same when %d threads normalise, before the transform", async (workers) => {
    const expected = await all(bench.open(training).batches(1));
    const erasing = randomErasing({ probability: 0.5, value: "random" });
    const loader = bench.open({ ...training, preprocessing, transform: erasing, workers });
    expect(await all(loader.batches(1))).toEqual(expected);
    const grey = { steps: VAL, channels: 1 } as const;
    const wide = bench.open({ ...grey, preprocessing, workers }); // repeated to 3 channels
    expect(await all(wide.batches(0))).toEqual(
      await all(bench.open({ ...grey, transform: preprocess(preprocessing) }).batches(0)),
    );
    const failing = { ...preprocessing, size: [8, 8] } as const;
    expect(() => bench.open({ preprocessing: failing })).toThrow(failure(/The network takes images of 8×8/));
  });

  it("continues in the middle of an epoch from its state", async () => {
    const whole = bench.open(training);
    const expected = [...(await all(whole)), ...(await all(whole))];
    const first = bench.open(training);
    const begun: Batch[] = [];
    for await (const batch of first) {
      begun.push(batch);
      if (begun.length === 3) break;
    }
    const second = bench.open(training);
    second.resume(JSON.parse(JSON.stringify(first.state())));
    expect([...begun, ...(await all(second)), ...(await all(second))]).toEqual(expected);
  });

  it("has other augmentations in another epoch, and with another seed", async () => {
    const loader = bench.open({ ...training, shuffle: false, mix: {} });
    const [a, b] = [await all(loader.batches(0)), await all(loader.batches(1))];
    const [c] = [await all(bench.open({ ...training, shuffle: false, mix: {}, seed: 8 }).batches(0))];
    expect(a[0]!.images.data).not.toEqual(b[0]!.images.data);
    expect(a[0]!.images.data).not.toEqual(c[0]!.images.data);
  });

  it("refuses steps without a size, a bad number of workers, and work after close", async () => {
    expect(() => bench.open({ steps: [randomHorizontalFlip()] })).toThrow(failure(/different sizes/));
    expect(() => bench.open({ workers: -1 })).toThrow(failure(/workers must be a whole number/));
    const loader = bench.open();
    await loader.close();
    await loader.close();
    await expect(all(loader.batches(0))).rejects.toThrow(expect.objectContaining({ code: "E_DISPOSED" }));
  });

  it("lets several loaders work at once, and abandoned epochs be", async () => {
    const expected = await all(bench.open(training).batches(1));
    const loaders = [bench.open(training), bench.open(training)];
    for (const loader of loaders) await loader.batches(0).next();
    for await (const _ of loaders[0]!.batches(0)) break;
    expect(await Promise.all(loaders.map((loader) => all(loader.batches(1))))).toEqual([expected, expected]);
  });
});

describe("the built loader", () => {
  /** Runs statements in a process of their own, where `open` gives a loader of 8 images. @returns Exit code and output. */
  async function runAlone(statements: string): Promise<[code: unknown, output: string]> {
    const module = new URL("../../../dist/node/index.js", import.meta.url).href;
    const main = new URL("../../../dist/index.js", import.meta.url).href;
    const file = fileURLToPath(new URL("../fixtures/images/420.jpg", import.meta.url));
    const script = `
      const { ImageLoader } = await import(${JSON.stringify(module)});
      const { resizeAndCropStep } = await import(${JSON.stringify(main)});
      const dataset = { length: 8, classes: ["a"], label: () => 0, sample: () => ({ name: "a", file: ${JSON.stringify(file)} }) };
      const steps = [resizeAndCropStep({ size: 8, resize: 8 })];
      const open = (options) => new ImageLoader({ dataset, steps, ...options });
      ${statements}
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
    return [await new Promise((resolve) => child.on("close", resolve)), output];
  }

  it("does not keep a process alive that forgot to close it", async () => {
    const loop = `
      const loader = open({ batchSize: 2, workers: 2 });
      for await (const { images } of loader.batches(0)) { console.log(images.shape.join()); break; }
    `;
    expect(await runAlone(loop)).toEqual([0, "2,8,8,3\n"]);
  });

  it("keeps a process alive until a worker has ended that answered all meanwhile", async () => {
    const ending = `
      const loader = open({ batchSize: 8, workers: 1 });
      for await (const _ of loader.batches(0));
      const batch = loader.batches(1).next();
      while (!loader.workers[0].image) await null;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500); // The answers come in while it is being ended.
      await loader.terminateWorker(0);
      console.log((await batch).value.images.shape.join());
    `;
    expect(await runAlone(ending)).toEqual([0, "8,8,8,3\n"]);
  });
});
