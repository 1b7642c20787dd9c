import { readFileSync } from "node:fs";
import type { Images } from "@repvgg/core";
import { describe, expect, it } from "vitest";
import { BatchLoader } from "./batch-loader.ts";
import { blend, mixBatch, mixes, pasteBox } from "./batch-mix.ts";
import type { Batch } from "./finish-batch.ts";
import { generatorOf } from "./random.ts";
import { countingDataset } from "./test-dataset.ts";

interface MixFixture {
  shape: [number, number, number, number];
  images: number[];
  mixup: { lambda: number; images: number[] };
  cutmix: { box: [left: number, top: number, right: number, bottom: number]; images: number[] };
}
/** By torchvision: make_mix.py. */
const fixture: MixFixture = JSON.parse(readFileSync(new URL("fixtures/mix.json", import.meta.url), "utf8"));
const images = (): Images => ({ shape: fixture.shape, data: Float32Array.from(fixture.images) });
const rolled = Int32Array.of(2, 0, 1);

/** `n` images of 4×6 whose pixels all are their number. */
const numbered = (n: number): Images => ({
  shape: [n, 4, 6, 1],
  data: Float32Array.from({ length: n * 24 }, (_, i) => Math.floor(i / 24)),
});

describe("mixBatch", () => {
  it("gives torchvision's bits with its parameters", () => {
    const mixed = images();
    blend(mixed, rolled, fixture.mixup.lambda);
    expect(mixed.data).toEqual(Float32Array.from(fixture.mixup.images));
    const cut = images();
    const [left, top, right, bottom] = fixture.cutmix.box;
    pasteBox(cut, rolled, { top, left, bottom, right });
    expect(cut.data).toEqual(Float32Array.from(fixture.cutmix.images));
  });

  it("mixes each image with the one before it, and tells how much", () => {
    const mixed = numbered(3);
    const { partners, lambda } = mixBatch(mixed, { mixup: 1 }, generatorOf(1));
    expect([...partners]).toEqual([2, 0, 1]);
    expect(lambda).toBeGreaterThan(0);
    expect(lambda).toBeLessThan(1);
    [0, 1, 2].forEach((n) => {
      expect(mixed.data[n * 24]).toBeCloseTo(lambda * n + (1 - lambda) * partners[n]!, 6);
    });
  });

  it("tells with CutMix the share of pixels that stayed", () => {
    for (let seed = 0; seed < 50; seed++) {
      const mixed = numbered(2);
      const { lambda } = mixBatch(mixed, { cutmix: 1 }, generatorOf(seed));
      const own = mixed.data.subarray(0, 24).filter((x) => x === 0).length;
      expect(lambda).toBeCloseTo(own / 24, 12);
    }
  });

  it("chooses between both for every batch", () => {
    const isCut = (seed: number) => {
      const mixed = numbered(2);
      mixBatch(mixed, { mixup: 1, cutmix: 1 }, generatorOf(seed));
      return mixed.data.every(Number.isInteger);
    };
    const cuts = Array.from({ length: 400 }, (_, seed) => isCut(seed)).filter(Boolean).length;
    expect(Math.abs(cuts - 200)).toBeLessThan(50); // standard deviation 10
  });

  it("refuses an α that is negative or no number", () => {
    expect(() => mixes({ mixup: -1 })).toThrow(expect.objectContaining({ code: "E_DATA" }));
    expect(() => mixes({ cutmix: Number.NaN })).toThrow(/alpha of cutmix must be a number, 0 or more, got NaN/);
    expect(mixes({ mixup: 0 })).toBe(false);
  });
});

describe("BatchLoader with mix", () => {
  const all = async (batches: AsyncIterable<Batch>) => {
    const made: Batch[] = [];
    for await (const batch of batches) made.push(batch);
    return made;
  };
  const options = { dataset: countingDataset(10), batchSize: 4, mix: { mixup: 0.4, cutmix: 1 } };

  it("is decided by seed, epoch and batch", async () => {
    const loader = new BatchLoader({ ...options, seed: 5 });
    const whole = await all(loader.batches(3));
    expect(whole.map(({ mixture }) => mixture?.partners.length)).toEqual([4, 4, 2]);
    expect(new Set(whole.map(({ mixture }) => mixture?.lambda)).size).toBe(3);
    expect(await all(new BatchLoader({ ...options, seed: 5 }).batches(3, 1))).toEqual(whole.slice(1));
    expect(await all(loader.batches(4))).not.toEqual(whole);
  });

  it("leaves labels and indices as they are, and batches alone without it", async () => {
    const [mixed] = await all(new BatchLoader(options).batches(0));
    const [plain] = await all(new BatchLoader({ ...options, mix: {} }).batches(0));
    expect([mixed!.labels, mixed!.indices]).toEqual([plain!.labels, plain!.indices]);
    expect("mixture" in plain!).toBe(false);
  });
});
