import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { copyFile, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EncodedDataset } from "../../encoded-dataset.ts";
import type { Batch } from "../../finish-batch.ts";
import { randAugment, randomHorizontalFlip, randomResizedCrop, resizeAndCropStep } from "../../image/image-steps.ts";
import { IMAGENET_PREPROCESSING, preprocess } from "../../preprocessing.ts";
import { randomErasing } from "../../random-erasing.ts";
import { compose } from "../../transform.ts";
import { preprocessImageFile } from "../preprocess-image-file.ts";
import { ImageLoader } from "./image-loader.ts";
import type { ImageLoaderOptions } from "./image-loader-options.ts";

const IMAGES = [
  "420.jpg",
  "444.jpg",
  "grey.jpg",
  "palette.png",
  "rgb-alpha.png",
  "cmyk.jpg",
  "lossless.webp",
  "rgb.png",
];
const preprocessing = { ...IMAGENET_PREPROCESSING, size: [24, 20], resize: 26 } as const;
const VAL = [resizeAndCropStep(preprocessing)];
const TRAIN = [randomResizedCrop({ size: [24, 20] }), randomHorizontalFlip(), randAugment()];

let folder: string;
let opened: ImageLoader[];
beforeEach(async () => {
  opened = [];
  folder = await mkdtemp(join(tmpdir(), "repvgg-loader-"));
  for (const name of IMAGES) {
    await copyFile(new URL(`../fixtures/images/${name}`, import.meta.url), join(folder, name));
  }
});
afterEach(async () => {
  await Promise.all(opened.map((loader) => loader.close()));
  await rm(folder, { recursive: true });
});

const datasetOf = (names: readonly string[]): EncodedDataset => ({
  length: names.length,
  classes: ["even", "odd"],
  label: (index) => index % 2,
  sample: (index) => ({ name: names[index]!, file: join(folder, names[index]!) }),
});
/** 40 images: each of the files 5 times. */
const dataset = datasetOf(Array.from({ length: 40 }, (_, i) => IMAGES[i % 8]!));

function open(options: Partial<ImageLoaderOptions> = {}): ImageLoader {
  const loader = new ImageLoader({ dataset, batchSize: 6, steps: VAL, workers: 2, ...options });
  opened.push(loader);
  return loader;
}
async function all(batches: AsyncIterable<Batch>): Promise<Batch[]> {
  const made: Batch[] = [];
  for await (const batch of batches) made.push(batch);
  return made;
}
const training = {
  steps: TRAIN,
  transform: compose(preprocess(preprocessing), randomErasing({ probability: 0.5, value: "random" })),
  mix: { mixup: 0.4, cutmix: 1 },
  shuffle: true,
  seed: 7,
} as const;
const failure = (message: RegExp) =>
  expect.objectContaining({ code: "E_DATA", message: expect.stringMatching(message) });

describe("ImageLoader", () => {
  it("gives the tensors of each image, labels and indices", async () => {
    const batches = await all(open({ transform: preprocess(preprocessing) }).batches(0));
    expect(batches.map(({ images }) => images.shape[0])).toEqual([6, 6, 6, 6, 6, 6, 4]);
    const first = batches[0]!;
    expect([...first.indices]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...first.labels]).toEqual([0, 1, 0, 1, 0, 1]);
    const size = 24 * 20 * 3;
    for (const [k, name] of IMAGES.slice(0, 6).entries()) {
      const { data } = await preprocessImageFile(join(folder, name), preprocessing);
      expect(first.images.data.subarray(k * size, (k + 1) * size)).toEqual(data);
    }
  });

  it("gives the same whatever the number of workers, prefetch, the cache, and where it begins", async () => {
    const expected = await all(open({ ...training, workers: 0 }).batches(2));
    expect(new Set(expected.flatMap(({ indices }) => [...indices])).size).toBe(40);
    const cacheFolder = join(folder, "cache");
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
      const loader = open({ ...training, ...options });
      expect(await all(loader.batches(2))).toEqual(expected);
      expect(await all(loader.batches(2, 4))).toEqual(expected.slice(4));
    }
  });

  it.each([0, 2])("gives the same when %d threads normalise, before the transform", async (workers) => {
    const expected = await all(open(training).batches(1));
    const erasing = randomErasing({ probability: 0.5, value: "random" });
    const loader = open({ ...training, preprocessing, transform: erasing, workers });
    expect(await all(loader.batches(1))).toEqual(expected);
    const grey = { dataset, steps: VAL, channels: 1 } as const;
    const wide = open({ ...grey, preprocessing, workers }); // repeated to 3 channels
    expect(await all(wide.batches(0))).toEqual(
      await all(open({ ...grey, transform: preprocess(preprocessing) }).batches(0)),
    );
    const failing = { ...preprocessing, size: [8, 8] } as const;
    expect(() => open({ preprocessing: failing })).toThrow(failure(/The network takes images of 8×8/));
  });

  it("continues in the middle of an epoch from its state", async () => {
    const whole = open(training);
    const expected = [...(await all(whole)), ...(await all(whole))];
    const first = open(training);
    const begun: Batch[] = [];
    for await (const batch of first) {
      begun.push(batch);
      if (begun.length === 3) break;
    }
    const second = open(training);
    second.resume(JSON.parse(JSON.stringify(first.state())));
    expect([...begun, ...(await all(second)), ...(await all(second))]).toEqual(expected);
  });

  it("has other augmentations in another epoch, and with another seed", async () => {
    const loader = open({ ...training, shuffle: false, mix: {} });
    const [a, b] = [await all(loader.batches(0)), await all(loader.batches(1))];
    const [c] = [await all(open({ ...training, shuffle: false, mix: {}, seed: 8 }).batches(0))];
    expect(a[0]!.images.data).not.toEqual(b[0]!.images.data);
    expect(a[0]!.images.data).not.toEqual(c[0]!.images.data);
  });

  it.each([0, 2])("stops at a bad image, or takes the next one in its place, with %d workers", async (workers) => {
    await writeFile(join(folder, "page.jpg"), "<html>404</html>");
    const names = [...IMAGES, "page.jpg", "missing.jpg", "rgb.png"];
    const bad = datasetOf(names);
    await expect(all(open({ dataset: bad, workers }).batches(0))).rejects.toThrow(failure(/page\.jpg .* HTML page/));
    const told: string[] = [];
    const loader = open({ dataset: bad, workers, onBadImage: "skip", report: (message) => told.push(message) });
    const batches = await all(loader.batches(0));
    expect(batches.map(({ indices }) => [...indices])).toEqual([
      [0, 1, 2, 3, 4, 5],
      [6, 7, 10, 10, 10],
    ]);
    expect(batches[1]!.labels).toEqual(Int32Array.of(0, 1, 0, 0, 0));
    expect(loader.badImages.map(({ index, name }) => [index, name])).toEqual([
      [8, "page.jpg"],
      [9, "missing.jpg"],
    ]);
    await all(loader.batches(1));
    expect(told).toHaveLength(2);
    const none = open({ dataset: datasetOf(["page.jpg"]), workers, onBadImage: "skip" });
    await expect(all(none.batches(0))).rejects.toThrow(failure(/None of the 1 images can be used/));
  });

  it.each([0, 2])("takes no image for bad that nobody waited for, with %d workers", async (workers) => {
    const told: string[] = [];
    const loader = open({ workers, onBadImage: "skip", report: (message) => told.push(message) });
    for (let i = 0; i < 3; i++) for await (const _ of loader.batches(i)) break; // as a validation of --limit images does
    expect(await all(loader.batches(3))).toHaveLength(7);
    expect([told, loader.badImages]).toEqual([[], []]);
  });

  it("names the image that a worker held when it ended, and stops", async () => {
    const loader = open({ ...training, batchSize: 20 });
    const batches = loader.batches(0);
    const first = batches.next();
    while (!loader.workers[1]?.image) await new Promise((resolve) => setTimeout(resolve, 1));
    await loader.terminateWorker(1);
    const message = /Worker 1 of the loader ended \(exit code \d\) while it held the image [\w-]+\.(jpg|png|webp)/;
    await expect(first.then(() => all(batches))).rejects.toThrow(failure(message));
  });

  it("goes on with the same batches where it may skip, and tells of the worker", async () => {
    const expected = await all(open(training).batches(0));
    const told: string[] = [];
    const loader = open({ ...training, onBadImage: "skip", report: (message) => told.push(message) });
    const made: Batch[] = [];
    for await (const batch of loader.batches(0)) {
      made.push(batch);
      if (made.length === 1) {
        const busy = loader.workers.find(({ image }) => image !== undefined);
        await loader.terminateWorker(busy?.worker ?? 0);
      }
    }
    expect(made).toEqual(expected);
    expect(loader.badImages).toEqual([]);
    for (const message of told) expect(message).toMatch(/Another worker tries it/);
  });

  it.each(["ram", "disk"] as const)("decodes again what changed, with a cache: %s", async (cache) => {
    const cacheFolder = join(folder, "cache");
    const loader = open({ cache, cacheFolder, dataset: datasetOf(["420.jpg", "rgb.png"]) });
    const [before] = await all(loader.batches(0));
    await copyFile(join(folder, "grey.jpg"), join(folder, "420.jpg"));
    await utimes(join(folder, "420.jpg"), 1e9, 1e9);
    const [after] = await all(loader.batches(0));
    expect(after!.images.data).not.toEqual(before!.images.data);
    const [fresh] = await all(open({ dataset: datasetOf(["420.jpg", "rgb.png"]) }).batches(0));
    expect(after).toEqual(fresh);
  });

  it("keeps a cache on disk for the next loader, within its limit, and survives its damage", async () => {
    const cacheFolder = join(folder, "cache");
    const files = async () =>
      (await readdir(cacheFolder, { recursive: true })).filter((name) => name.endsWith(".bytes"));
    const options = { cache: "disk", cacheFolder, dataset: datasetOf(IMAGES) } as const;
    const imageBytes = 24 * 20 * 3 + 12;
    const expected = await all(open({ ...options, workers: 0, cacheBytes: 2.5 * imageBytes }).batches(0));
    expect(await files()).toHaveLength(2);
    for (const name of await files()) await writeFile(join(cacheFolder, name), "damaged");
    expect(await all(open(options).batches(0))).toEqual(expected);
    expect(await files()).toHaveLength(8);
    expect(await readdir(cacheFolder, { recursive: true })).not.toContainEqual(expect.stringMatching(/tmp$/));
  });

  it("reads on while the main thread is busy, up to what is made ahead", async () => {
    const cacheFolder = join(folder, "cache");
    const names = Array.from({ length: 40 }, (_, i) => `${i}.jpg`);
    for (const name of names) await copyFile(join(folder, "420.jpg"), join(folder, name));
    const loader = open({ dataset: datasetOf(names), cache: "disk", cacheFolder, prefetch: 2 });
    const batches = loader.batches(0);
    await batches.next();
    const asked = batches.next(); // Begins another batch in the place of the first: 3 are then made, of 6 images each.
    const deadline = performance.now() + 10_000;
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const made = () => readdirSync(cacheFolder, { recursive: true }).filter((name) => String(name).endsWith(".bytes"));
    while (made().length < 24 && performance.now() < deadline) Atomics.wait(pause, 0, 0, 5);
    expect(made()).toHaveLength(24);
    await asked;
  });

  it("refuses steps without a size, a bad number of workers, and work after close", async () => {
    expect(() => open({ steps: [randomHorizontalFlip()] })).toThrow(failure(/different sizes/));
    expect(() => open({ workers: -1 })).toThrow(failure(/workers must be a whole number/));
    const loader = open();
    await loader.close();
    await loader.close();
    await expect(all(loader.batches(0))).rejects.toThrow(expect.objectContaining({ code: "E_DISPOSED" }));
  });

  it("lets several loaders work at once, and abandoned epochs be", async () => {
    const expected = await all(open(training).batches(1));
    const loaders = [open(training), open(training)];
    for (const loader of loaders) await loader.batches(0).next();
    for await (const _ of loaders[0]!.batches(0)) break;
    expect(await Promise.all(loaders.map((loader) => all(loader.batches(1))))).toEqual([expected, expected]);
  });
});

describe("the built loader", () => {
  it("does not keep a process alive that forgot to close it", async () => {
    const module = new URL("../../../dist/node/index.js", import.meta.url).href;
    const main = new URL("../../../dist/index.js", import.meta.url).href;
    const file = fileURLToPath(new URL("../fixtures/images/420.jpg", import.meta.url));
    const script = `
      const { ImageLoader } = await import(${JSON.stringify(module)});
      const { resizeAndCropStep } = await import(${JSON.stringify(main)});
      const dataset = { length: 8, classes: ["a"], label: () => 0, sample: () => ({ name: "a", file: ${JSON.stringify(file)} }) };
      const loader = new ImageLoader({ dataset, batchSize: 2, workers: 2, steps: [resizeAndCropStep({ size: 8, resize: 8 })] });
      for await (const { images } of loader.batches(0)) { console.log(images.shape.join()); break; }
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (output += data));
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect([code, output]).toEqual([0, "2,8,8,3\n"]);
  });
});
