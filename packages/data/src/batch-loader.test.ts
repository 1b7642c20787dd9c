import { setImmediate } from "node:timers/promises";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { describe, expect, it } from "vitest";
import { BatchLoader, type BatchLoaderOptions } from "./batch-loader.ts";
import type { Batch } from "./finish-batch.ts";
import { normalize } from "./normalize.ts";
import { countingDataset } from "./test-dataset.ts";
import { compose, type Transform } from "./transform.ts";

const dataset = countingDataset(10);
const loader = (options: Partial<BatchLoaderOptions> = {}) => new BatchLoader({ dataset, batchSize: 4, ...options });
const all = async (batches: AsyncIterable<Batch>) => {
  const made: Batch[] = [];
  for await (const batch of batches) made.push(batch);
  return made;
};
const indices = (batches: Batch[]) => batches.map((batch) => [...batch.indices]);

/** Adds a random number to every image. */
const noise: Transform = (batch, { random }) => {
  const pixels = batch.data.length / batch.shape[0];
  for (let k = 0; k < batch.shape[0]; k++) {
    const amount = uniformInt(random(k), 0, 200);
    for (let i = 0; i < pixels; i++) batch.data[k * pixels + i]! += amount;
  }
  return batch;
};
const augmented = { shuffle: true, seed: 3, transform: compose(noise, normalize({ mean: [0], std: [1 / 255] })) };

describe("BatchLoader", () => {
  it("gives images, labels and indices that belong together", async () => {
    const batches = await all(loader({ shuffle: true }).batches(0));
    expect(batches.map((b) => b.images.shape)).toEqual([
      [4, 2, 3, 1],
      [4, 2, 3, 1],
      [2, 2, 3, 1],
    ]);
    for (const { images, labels, indices } of batches) {
      indices.forEach((index, k) => {
        expect(labels[k]).toBe(index % 3);
        expect([...images.data.subarray(6 * k, 6 * k + 6)]).toEqual(new Array(6).fill(Math.fround(index / 255)));
      });
    }
    expect(
      indices(batches)
        .flat()
        .sort((a, b) => a - b),
    ).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("keeps the order of the data set without shuffle, and drops the last batch where asked", async () => {
    expect(indices(await all(loader().batches(7)))).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    const dropping = loader({ dropLast: true });
    expect(dropping.batchesPerEpoch).toBe(2);
    expect(indices(await all(dropping.batches(0)))).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
  });

  it("has another order in each epoch, decided by the seed", async () => {
    const orders = await Promise.all(
      [
        [1, 0],
        [1, 1],
        [2, 0],
      ].map(([seed, epoch]) => all(loader({ shuffle: true, seed }).batches(epoch!))),
    );
    expect(new Set(orders.map((batches) => String(indices(batches)))).size).toBe(3);
    expect(await all(loader({ shuffle: true, seed: 1 }).batches(0))).toEqual(orders[0]);
  });

  it("does not depend on prefetch, nor on where the epoch was begun", async () => {
    const whole = await all(loader(augmented).batches(5));
    for (const prefetch of [0, 1, 2, 50]) {
      expect(await all(loader({ ...augmented, prefetch }).batches(5))).toEqual(whole);
      expect(await all(loader({ ...augmented, prefetch }).batches(5, 2))).toEqual(whole.slice(2));
    }
  });

  it("augments an image alike in whatever batch it comes, and anew in each epoch", async () => {
    const byIndex = async (batchSize: number, epoch: number) => {
      const pixels: number[] = [];
      for (const { images, indices } of await all(loader({ ...augmented, batchSize }).batches(epoch))) {
        indices.forEach((index, k) => {
          pixels[index] = images.data[6 * k]!;
        });
      }
      return pixels;
    };
    expect(await byIndex(4, 1)).toEqual(await byIndex(3, 1));
    expect(await byIndex(4, 1)).not.toEqual(await byIndex(4, 2));
  });

  it("continues in the middle of an epoch from its state", async () => {
    const straight = loader(augmented);
    const expected = [...(await all(straight)), ...(await all(straight))];
    const first = loader(augmented);
    const given: Batch[] = [];
    for await (const batch of first) {
      given.push(batch);
      if (given.length === 2) break;
    }
    const state = JSON.parse(JSON.stringify(first.state()));
    expect(state).toEqual({ epoch: 0, batch: 2 });
    const second = loader(augmented);
    second.resume(state);
    given.push(...(await all(second)));
    expect(second.state()).toEqual({ epoch: 1, batch: 0 });
    given.push(...(await all(second)));
    expect(given).toEqual(expected);
  });

  it("stands at the next epoch once the last batch is handed out", async () => {
    const one = loader({ batchSize: 10 });
    for await (const _ of one) expect(one.state()).toEqual({ epoch: 1, batch: 0 });
  });

  it("makes the next batch while the consumer waits, and no more than prefetch of them", async () => {
    let made = 0;
    const counting: Transform = (batch, context) => {
      made++;
      return normalize({ mean: [0], std: [1] })(batch, context);
    };
    const batches = loader({ batchSize: 1, prefetch: 2, transform: counting }).batches(0);
    await batches.next();
    for (let turns = 0; turns < 5; turns++) await setImmediate();
    expect(made).toBe(3);
    await batches.return();
    for (let turns = 0; turns < 5; turns++) await setImmediate();
    expect(made).toBe(3);
  });

  it("reports an error of the transform at the batch that it belongs to, and only there", async () => {
    const failing: Transform = (batch, context) => {
      if (batch.data[0] === 4) throw new Error("bad image");
      return normalize({ mean: [0], std: [1] })(batch, context);
    };
    const batches = loader({ prefetch: 2, transform: failing }).batches(0);
    expect((await batches.next()).value?.indices).toEqual(Int32Array.of(0, 1, 2, 3));
    for (let turns = 0; turns < 3; turns++) await setImmediate(); // an unhandled rejection would fail the test run
    await expect(batches.next()).rejects.toThrow("bad image");
  });

  it.each<[string, Partial<BatchLoaderOptions>, RegExp]>([
    [
      "a batch larger than the set",
      { batchSize: 11, dropLast: true },
      /batch of 11 is larger than the data set of 10 images/,
    ],
    ["no images", { dataset: countingDataset(0) }, /has no images/],
    ["a batch of 0", { batchSize: 0 }, /batch size must be a whole number, 1 or more, got 0/],
    ["half a batch", { batchSize: 1.5 }, /got 1\.5/],
    ["a negative prefetch", { prefetch: -1 }, /prefetch must be/],
  ])("refuses %s", (_, options, message) => {
    expect(() => loader(options)).toThrow(
      expect.objectContaining({ code: "E_DATA", message: expect.stringMatching(message) }),
    );
  });

  it("takes a batch larger than the set as one batch when nothing is dropped", async () => {
    expect(indices(await all(loader({ batchSize: 99 }).batches(0)))).toEqual([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]);
  });

  it("refuses positions outside, and a transform that ends in bytes", async () => {
    await expect(loader().batches(0, 4).next()).rejects.toThrow(/Batch 4 is not in an epoch of 3 batches/);
    await expect(loader().batches(-1).next()).rejects.toThrow(/epoch must be/);
    expect(() => loader().resume({ epoch: 0, batch: 9 })).toThrow(/another batch size/);
    await expect(
      loader({ transform: (batch) => batch })
        .batches(0)
        .next(),
    ).rejects.toThrow(/gives bytes/);
  });
});
