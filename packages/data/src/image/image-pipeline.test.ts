import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { generatorOf } from "../random.ts";
import { randomErasing } from "../random-erasing.ts";
import { applyAny, RAND_AUGMENT, TRIVIAL_AUGMENT } from "./augment-operations.ts";
import { type ByteImage, crop } from "./byte-image.ts";
import { flipHorizontally } from "./geometry.ts";
import { imageTransform, loadImagePipeline } from "./image-pipeline.ts";
import {
  colorJitter,
  fixedSteps,
  type ImageStep,
  outputSize,
  randAugment,
  randomCrop,
  randomHorizontalFlip,
  randomResizedCrop,
  resizeAndCropStep,
  trivialAugment,
} from "./image-steps.ts";
import { loadResampler } from "./load-resampler.ts";
import { randomResizedCropBox } from "./random-box.ts";
import { testImage } from "./test-image.ts";

const pipeline = await loadImagePipeline();
const photo = testImage(45, 62, 3);
const run = (steps: readonly ImageStep[], seed: number, image = photo) => pipeline.run(image, steps, generatorOf(seed));

interface Magnitudes {
  size: [number, number];
  randAugment: Record<string, number[] | null>;
  trivialAugment: Record<string, number[] | null>;
}
/** By torchvision: make_magnitudes.py. */
const magnitudes: Magnitudes = JSON.parse(readFileSync(new URL("fixtures/magnitudes.json", import.meta.url), "utf8"));

describe("the operations of RandAugment and TrivialAugment", () => {
  it.each([["randAugment", RAND_AUGMENT] as const, ["trivialAugment", TRIVIAL_AUGMENT] as const])(
    "have torchvision's names, order and magnitudes: %s",
    (kind, operations) => {
      const own = operations.map(({ name, magnitude }) => [
        name,
        magnitude ? Array.from({ length: 31 }, (_, bin) => magnitude(bin, testImage(...magnitudes.size, 3))) : null,
      ]);
      expect(own).toEqual(Object.entries(magnitudes[kind]));
    },
  );

  it("are all equally likely, with either sign", () => {
    const called = new Map<string, number>();
    const spies = RAND_AUGMENT.map(({ name, magnitude, signed }) => ({
      name,
      ...(magnitude && { magnitude: () => 1 }),
      ...(signed && { signed }),
      apply(image: ByteImage, m: number) {
        const key = `${name} ${m}`;
        called.set(key, (called.get(key) ?? 0) + 1);
        return image;
      },
    }));
    for (let seed = 0; seed < 2800; seed++) applyAny(spies, photo, generatorOf(seed), 9);
    // 200 each, or 100 with either sign; standard deviations 14 and 10: five of them either way.
    expect(called.size).toBe(14 + RAND_AUGMENT.filter(({ signed }) => signed).length);
    for (const [key, count] of called) {
      const isSigned = RAND_AUGMENT.some(({ name, signed }) => signed && key.startsWith(`${name} `));
      expect(Math.abs(count - (isSigned ? 100 : 200))).toBeLessThan(isSigned ? 50 : 70);
    }
  });
});

describe("randomResizedCropBox", () => {
  const ranges = { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] } as const;
  const boxes = Array.from({ length: 2000 }, (_, seed) => randomResizedCropBox([427, 640], ranges, generatorOf(seed)));

  it("stays inside the image and its ranges", () => {
    for (const { top, left, height, width } of boxes) {
      expect(top >= 0 && left >= 0 && top + height <= 427 && left + width <= 640).toBe(true);
      // Rounding to whole pixels moves the smallest boxes, of 130 pixels, by a half in each direction.
      expect(width / height).toBeGreaterThan(0.74);
      expect(width / height).toBeLessThan(1.35);
      expect((height * width) / (427 * 640)).toBeGreaterThan(0.079);
    }
  });

  it("draws the logarithm of the ratio, the area and the place uniformly", () => {
    // So small that every attempt fits: what fits less often would change the distribution.
    const small = { scale: [0.1, 0.3], ratio: [1 / 2, 2] } as const;
    const N = 2000;
    const drawn = Array.from({ length: N }, (_, k) => randomResizedCropBox([5000, 5000], small, generatorOf(k)));
    /** Kolmogorov and Smirnov: a distance of more than 1.95/√N in 1 of 1,000. */
    const isUniform = (values: number[]) => {
      values.sort((a, b) => a - b);
      return Math.max(...values.map((x, i) => Math.abs(x - (i + 0.5) / N))) < 1.95 / Math.sqrt(N);
    };
    expect(isUniform(drawn.map(({ height, width }) => Math.log((width / height) * 2) / Math.log(4)))).toBe(true);
    expect(isUniform(drawn.map(({ height, width }) => ((height * width) / 5000 ** 2 - 0.1) / 0.2))).toBe(true);
    expect(isUniform(drawn.map(({ left, width }) => left / (5000 - width)))).toBe(true);
    expect(isUniform(drawn.map(({ top, height }) => top / (5000 - height)))).toBe(true);
  });

  it("is the largest allowed one in the centre of an image that is too long", () => {
    const all = { scale: [1, 1], ratio: [3 / 4, 4 / 3] } as const;
    expect(randomResizedCropBox([300, 30], all, generatorOf(1))).toEqual({ top: 130, left: 0, height: 40, width: 30 });
    expect(randomResizedCropBox([30, 300], all, generatorOf(1))).toEqual({ top: 0, left: 130, height: 30, width: 40 });
  });
});

describe("an image pipeline", () => {
  it("resizes the box that RandomResizedCrop drew, as crop and resize alone do", async () => {
    const step = randomResizedCrop({ size: [20, 24], interpolation: "bicubic" });
    const resampler = await loadResampler();
    for (let seed = 0; seed < 20; seed++) {
      const box = randomResizedCropBox([45, 62], step, generatorOf(seed));
      expect(run([step], seed)).toEqual(resampler.resize(crop(photo, box), [20, 24], "bicubic"));
    }
  });

  it("cuts anywhere, in the border too", () => {
    const image: ByteImage = { height: 2, width: 2, channels: 1, data: Uint8Array.of(1, 2, 3, 4) };
    const step = randomCrop({ size: 2, padding: 1, fill: 9 });
    const results = new Set(Array.from({ length: 300 }, (_, seed) => run([step], seed, image).data.join("")));
    expect(results.size).toBe(9);
    expect(results).toContain("1234");
    expect(results).toContain("9991");
    expect(() => run([randomCrop({ size: 5, padding: 1 })], 0, image)).toThrow(/2×2 pixels: with a border of 1 less/);
  });

  it("flips about as often as it should", () => {
    const flipped = flipHorizontally(photo).data;
    const count = (probability: number) =>
      Array.from({ length: 400 }, (_, seed) => run([randomHorizontalFlip({ probability })], seed)).filter(
        ({ data }) => Buffer.compare(data, flipped) === 0,
      ).length;
    expect([count(0), count(1)]).toEqual([0, 400]);
    expect(Math.abs(count(0.25) - 100)).toBeLessThan(45); // standard deviation 8.7
  });

  it("jitters colours within the ranges, and leaves images alone without", () => {
    expect(run([colorJitter()], 1)).toEqual(photo);
    const grey: ByteImage = { height: 1, width: 1, channels: 1, data: Uint8Array.of(100) };
    const values = Array.from(
      { length: 500 },
      (_, seed) => run([colorJitter({ brightness: 0.4 })], seed, grey).data[0]!,
    );
    expect(Math.min(...values)).toBeGreaterThanOrEqual(60);
    expect(Math.max(...values)).toBeLessThanOrEqual(140);
    expect(Math.max(...values) - Math.min(...values)).toBeGreaterThan(70);
  });

  it("is decided by the generator alone", () => {
    const steps = [
      randomResizedCrop({ size: 32 }),
      randAugment(),
      trivialAugment(),
      colorJitter({ hue: 0.1, contrast: 1 }),
    ];
    expect(run(steps, 5)).toEqual(run(steps, 5));
    expect(run(steps, 5)).not.toEqual(run(steps, 6));
    expect(JSON.parse(JSON.stringify(steps))).toEqual(steps);
  });

  it("leaves the image that it is given as it was", () => {
    const before = photo.data.slice();
    for (let seed = 0; seed < 40; seed++) run([randAugment(), trivialAugment(), colorJitter({ hue: 0.5 })], seed);
    expect(photo.data).toEqual(before);
  });

  it("works as a transform of a batch of grey images", async () => {
    const transform = await imageTransform([randomCrop({ size: 6, padding: 1 }), randAugment()]);
    const data = testImage(24, 8, 1).data; // three images of 8×8
    const out = transform({ shape: [3, 8, 8, 1], data }, { random: (k) => generatorOf(k) });
    expect(out.shape).toEqual([3, 6, 6, 1]);
    const one = { height: 8, width: 8, channels: 1, data: data.subarray(64, 128) } as const;
    const alone = run([randomCrop({ size: 6, padding: 1 }), randAugment()], 1, one);
    expect(out.data.subarray(36, 72)).toEqual(alone.data);
  });
});

describe("steps", () => {
  it("know their size, and which of them a cache may keep", () => {
    const val = resizeAndCropStep({ size: 24, resize: 32 });
    expect(outputSize([val, randomCrop({ size: [8, 9] }), randAugment()])).toEqual([8, 9]);
    expect(outputSize([randAugment()])).toBeUndefined();
    expect(fixedSteps([val, val, randAugment(), val])).toBe(2);
    expect(fixedSteps([val])).toBe(1);
  });

  it("refuse options out of range", () => {
    const failure = expect.objectContaining({ code: "E_DATA" });
    expect(() => randomResizedCrop({ size: 0 })).toThrow(failure);
    expect(() => randomResizedCrop({ size: 8, scale: [0.5, 0.2] })).toThrow(failure);
    expect(() => randomResizedCrop({ size: 8, ratio: [0, 1] })).toThrow(failure);
    expect(() => randomHorizontalFlip({ probability: 2 })).toThrow(failure);
    expect(() => colorJitter({ hue: 0.6 })).toThrow(failure);
    expect(() => colorJitter({ contrast: -1 })).toThrow(failure);
    expect(() => randAugment({ magnitude: 31 })).toThrow(failure);
    expect(() => resizeAndCropStep({ size: 8, interpolation: "cubic" as never })).toThrow(/bicubic/);
  });
});

describe("randomErasing", () => {
  const ones = (n: number) => ({ shape: [n, 20, 30, 3] as const, data: new Float32Array(n * 1800).fill(1) });

  it("blanks one box of about the right number of images", () => {
    const out = randomErasing({ probability: 0.5 })(ones(400), { random: (k) => generatorOf(3, k) });
    const data = Float32Array.from(out.data);
    let erased = 0;
    for (let k = 0; k < 400; k++) {
      const image = data.subarray(k * 1800, (k + 1) * 1800);
      const zeros = image.filter((value) => value === 0).length;
      if (zeros === 0) continue;
      erased++;
      expect(zeros % 3).toBe(0);
      // Sides are rounded to whole pixels: of 12 pixels' area, a side of 2 may be 1.5.
      expect(zeros / 1800).toBeGreaterThan(0.012);
      expect(zeros / 1800).toBeLessThan(0.36);
    }
    expect(Math.abs(erased - 200)).toBeLessThan(50); // standard deviation 10
  });

  it("fills with other numbers, and refuses probabilities that are none", () => {
    const out = randomErasing({ probability: 1, value: "random" })(ones(50), { random: (k) => generatorOf(k) });
    const values = [...out.data].filter((value) => value !== 1);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(values.length));
    expect(() => randomErasing({ probability: 1.5 })).toThrow(expect.objectContaining({ code: "E_DATA" }));
  });
});
