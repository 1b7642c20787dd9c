import { readdirSync } from "node:fs";
import { copyFile, readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { all, IMAGES, loaderBench } from "./test-loader.ts";

const bench = loaderBench();

describe("ImageLoader with a cache", () => {
  it.each(["ram", "disk"] as const)("decodes again what changed, with a cache: %s", async (cache) => {
    const cacheFolder = join(bench.folder, "cache");
    const loader = bench.open({ cache, cacheFolder, dataset: bench.datasetOf(["420.jpg", "rgb.png"]) });
    const [before] = await all(loader.batches(0));
    await copyFile(join(bench.folder, "grey.jpg"), join(bench.folder, "420.jpg"));
    await utimes(join(bench.folder, "420.jpg"), 1e9, 1e9);
    const [after] = await all(loader.batches(0));
    expect(after!.images.data).not.toEqual(before!.images.data);
    const [fresh] = await all(bench.open({ dataset: bench.datasetOf(["420.jpg", "rgb.png"]) }).batches(0));
    expect(after).toEqual(fresh);
  });

  it("keeps a cache on disk for the next loader, within its limit, and survives its damage", async () => {
    const cacheFolder = join(bench.folder, "cache");
    const files = async () =>
      (await readdir(cacheFolder, { recursive: true })).filter((name) => name.endsWith(".bytes"));
    const options = { cache: "disk", cacheFolder, dataset: bench.datasetOf(IMAGES) } as const;
    const imageBytes = 24 * 20 * 3 + 12;
    const expected = await all(bench.open({ ...options, workers: 0, cacheBytes: 2.5 * imageBytes }).batches(0));
    expect(await files()).toHaveLength(2);
    for (const name of await files()) await writeFile(join(cacheFolder, name), "damaged");
    expect(await all(bench.open(options).batches(0))).toEqual(expected);
    expect(await files()).toHaveLength(8);
    expect(await readdir(cacheFolder, { recursive: true })).not.toContainEqual(expect.stringMatching(/tmp$/));
  });

  it("reads on while the main thread is busy, up to what is made ahead", async () => {
    const cacheFolder = join(bench.folder, "cache");
    const names = Array.from({ length: 40 }, (_, i) => `${i}.jpg`);
    for (const name of names) await copyFile(join(bench.folder, "420.jpg"), join(bench.folder, name));
    const loader = bench.open({ dataset: bench.datasetOf(names), cache: "disk", cacheFolder, prefetch: 2 });
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
});
