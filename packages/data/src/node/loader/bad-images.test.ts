import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Batch } from "../../finish-batch.ts";
import { all, failure, IMAGES, loaderBench, training } from "./test-loader.ts";

const bench = loaderBench();

describe("ImageLoader with images or workers that fail", () => {
  it.each([0, 2])("stops at a bad image, or takes the next one in its place, with %d workers", async (workers) => {
    await writeFile(join(bench.folder, "page.jpg"), "<html>404</html>");
    const names = [...IMAGES, "page.jpg", "missing.jpg", "rgb.png"];
    const bad = bench.datasetOf(names);
    await expect(all(bench.open({ dataset: bad, workers }).batches(0))).rejects.toThrow(
      failure(/page\.jpg .* HTML page/),
    );
    const told: string[] = [];
    const loader = bench.open({ dataset: bad, workers, onBadImage: "skip", report: (message) => told.push(message) });
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
    const none = bench.open({ dataset: bench.datasetOf(["page.jpg"]), workers, onBadImage: "skip" });
    await expect(all(none.batches(0))).rejects.toThrow(failure(/None of the 1 images can be used/));
  });

  it.each([0, 2])("takes no image for bad that nobody waited for, with %d workers", async (workers) => {
    const told: string[] = [];
    const loader = bench.open({ workers, onBadImage: "skip", report: (message) => told.push(message) });
    for (let i = 0; i < 3; i++) for await (const _ of loader.batches(i)) break; // as a validation of --limit images does
    expect(await all(loader.batches(3))).toHaveLength(7);
    expect([told, loader.badImages]).toEqual([[], []]);
  });

  it("names the image that a worker held when it ended, and stops", async () => {
    const loader = bench.open({ ...training, batchSize: 20 });
    const batches = loader.batches(0);
    const first = batches.next();
    while (!loader.workers[1]?.image) await new Promise((resolve) => setTimeout(resolve, 1));
    await loader.terminateWorker(1);
    const message = /Worker 1 of the loader ended \(exit code \d\) while it held the image [\w-]+\.(jpg|png|webp)/;
    await expect(first.then(() => all(batches))).rejects.toThrow(failure(message));
  });

  it("goes on with the same batches where it may skip, and tells of the worker", async () => {
    const expected = await all(bench.open(training).batches(0));
    const told: string[] = [];
    const loader = bench.open({ ...training, onBadImage: "skip", report: (message) => told.push(message) });
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
});
