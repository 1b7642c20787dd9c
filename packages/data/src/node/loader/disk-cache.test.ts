import { copyFile, mkdir, mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Batch } from "../../finish-batch.ts";
import { resizeAndCropStep } from "../../image/image-steps.ts";
import { ImageLoader } from "./image-loader.ts";

const file = fileURLToPath(new URL("../fixtures/images/420.jpg", import.meta.url));
const LENGTH = 12;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "repvgg-cache-"));
  for (let i = 0; i < LENGTH; i++) await copyFile(file, join(folder, `${i}.jpg`));
});
afterEach(() => rm(folder, { recursive: true }));

/** All batches of two epochs, and what was reported. */
async function load(
  cacheFolder?: string,
  size = 16,
  cacheBytes?: number,
): Promise<{ batches: Batch[]; reports: string[] }> {
  const reports: string[] = [];
  const loader = new ImageLoader({
    dataset: {
      length: LENGTH,
      classes: ["a"],
      label: () => 0,
      sample: (index) => ({ name: `${index}.jpg`, file: join(folder, `${index}.jpg`) }),
    },
    batchSize: 4,
    steps: [resizeAndCropStep({ size, resize: size })],
    workers: 2,
    report: (message) => reports.push(message),
    ...(cacheFolder && { cache: "disk", cacheFolder }),
    ...(cacheBytes && { cacheBytes }),
  });
  const batches: Batch[] = [];
  for (const epoch of [0, 1]) for await (const batch of loader.batches(epoch)) batches.push(batch);
  await loader.close();
  return { batches, reports };
}

/** Of an image of so many pixels along each side. */
const bytesOf = (size: number) => 12 + size * size * 3;

async function cachedFiles(cacheFolder: string): Promise<{ path: string; bytes: number }[]> {
  const names = (await readdir(cacheFolder, { recursive: true })).filter((name) => name.endsWith(".bytes"));
  return Promise.all(
    names.map(async (name) => ({ path: join(cacheFolder, name), bytes: (await stat(join(cacheFolder, name))).size })),
  );
}
/** How many images of each size there are. */
async function cached(cacheFolder: string): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (const { bytes } of await cachedFiles(cacheFolder)) {
    const size = Math.sqrt((bytes - 12) / 3);
    counts[size] = (counts[size] ?? 0) + 1;
  }
  return counts;
}
const bytesIn = async (cacheFolder: string) =>
  (await cachedFiles(cacheFolder)).reduce((sum, { bytes }) => sum + bytes, 0);

describe("a cache on disk", () => {
  it("may be shared by loaders that work at once", async () => {
    const { batches } = await load();
    const cacheFolder = join(folder, "a", "b", "cache");
    const results = await Promise.all([load(cacheFolder), load(cacheFolder), load(cacheFolder)]);
    for (const result of results) expect(result).toEqual({ batches, reports: [] });
    const files = (await readdir(cacheFolder, { recursive: true })).filter((name) => name.includes("."));
    expect(files).toHaveLength(LENGTH);
  });

  it("that cannot be written is told of once, and changes no batch", async () => {
    const { batches } = await load();
    await writeFile(join(folder, "file"), "");
    const noFolder = await load(join(folder, "file", "cache"));
    expect(noFolder).toEqual({ batches, reports: [expect.stringMatching(/^The cache takes no more images: ENOTDIR/)] });
    if (process.platform !== "linux") return;
    const { batches: same, reports } = await load("/proc/none/cache");
    expect([same, reports]).toEqual([batches, [expect.stringMatching(/^The cache takes no more images: ENOENT/)]]);
  });

  it("loses what killed processes had begun, and not what others are writing", async () => {
    const cacheFolder = join(folder, "cache");
    await mkdir(join(cacheFolder, "aa"), { recursive: true });
    const [abandoned, running] = ["1.bytes.x.tmp", "2.bytes.y.tmp"].map((name) => join(cacheFolder, "aa", name));
    for (const name of [abandoned!, running!]) await writeFile(name, "half");
    const yesterday = Date.now() / 1000 - 86_400;
    await utimes(abandoned!, yesterday, yesterday);
    await load(cacheFolder);
    const files = await readdir(cacheFolder, { recursive: true });
    expect(files.filter((name) => name.endsWith(".tmp"))).toEqual([join("aa", "2.bytes.y.tmp")]);
  });

  it("lets go of what was not used for longest, and of nothing that is in use", async () => {
    const cacheFolder = join(folder, "cache");
    const hoursAgo: Record<number, number> = { 62: 3, 63: 2, 64: 1 };
    for (const size of Object.keys(hoursAgo)) await load(cacheFolder, Number(size));
    for (const { path, bytes } of await cachedFiles(cacheFolder)) {
      const usedAt = Date.now() / 1000 - 3600 * hoursAgo[Math.sqrt((bytes - 12) / 3)]!;
      await utimes(path, usedAt, usedAt);
    }
    await load(cacheFolder, 62); // The oldest ones are in use again.
    const limit = LENGTH * (bytesOf(62) + bytesOf(63) + bytesOf(64)); // It is full.
    expect(await load(cacheFolder, 16, limit)).toEqual(await load(undefined, 16));
    const gone = Math.ceil(limit / 16 / bytesOf(63)); // A look makes room for a sixteenth.
    expect(await cached(cacheFolder)).toEqual({ 16: LENGTH, 62: LENGTH, 63: LENGTH - gone, 64: LENGTH });
    await load(cacheFolder, 16, LENGTH * bytesOf(32));
    expect(await bytesIn(cacheFolder)).toBeLessThanOrEqual(LENGTH * bytesOf(32));
    expect(await cached(cacheFolder)).toMatchObject({ 16: LENGTH }); // The newest.
  });

  it("has one limit for all who write to it", async () => {
    const cacheFolder = join(folder, "cache");
    const limit = 20 * bytesOf(24);
    const sizes = [16, 20, 24];
    const alone = await Promise.all(sizes.map((size) => load(undefined, size)));
    expect(await Promise.all(sizes.map((size) => load(cacheFolder, size, limit)))).toEqual(alone);
    // Each looks again after a sixteenth of the limit, and then has a batch of 4 at most on its way.
    expect(await bytesIn(cacheFolder)).toBeLessThanOrEqual(limit + 2 * (limit / 16 + 12 * bytesOf(24)));
  });
});
