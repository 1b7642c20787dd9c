import { copyFile, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
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
async function load(cacheFolder?: string): Promise<{ batches: Batch[]; reports: string[] }> {
  const reports: string[] = [];
  const loader = new ImageLoader({
    dataset: {
      length: LENGTH,
      classes: ["a"],
      label: () => 0,
      sample: (index) => ({ name: `${index}.jpg`, file: join(folder, `${index}.jpg`) }),
    },
    batchSize: 4,
    steps: [resizeAndCropStep({ size: 16, resize: 16 })],
    workers: 2,
    report: (message) => reports.push(message),
    ...(cacheFolder && { cache: "disk", cacheFolder }),
  });
  const batches: Batch[] = [];
  for (const epoch of [0, 1]) for await (const batch of loader.batches(epoch)) batches.push(batch);
  await loader.close();
  return { batches, reports };
}

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
});
