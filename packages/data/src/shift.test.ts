import { describe, expect, it } from "vitest";
import { generatorOf } from "./random.ts";
import { shift } from "./shift.ts";
import type { ImageBatch } from "./transform.ts";

const context = (seed: number) => {
  const generators = new Map<number, ReturnType<typeof generatorOf>>();
  return {
    random(k: number) {
      if (!generators.has(k)) generators.set(k, generatorOf(seed, k));
      return generators.get(k)!;
    },
  };
};

/** `image` moved by (dy, dx), pixel by pixel. */
function moved({ shape, data }: ImageBatch, dy: number, dx: number, fill: number): number[] {
  const [, height, width, channels] = shape;
  const result: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        const inside = y - dy >= 0 && y - dy < height && x - dx >= 0 && x - dx < width;
        result.push(inside ? data[((y - dy) * width + x - dx) * channels + c]! : fill);
      }
    }
  }
  return result;
}

describe("shift", () => {
  it("gives each image one of all shifts, each about equally often, pixels as expected", () => {
    const [n, height, width, channels] = [2500, 5, 4, 2];
    const one = Uint8Array.from({ length: height * width * channels }, (_, i) => i + 1);
    const data = new Uint8Array(n * one.length);
    for (let k = 0; k < n; k++) data.set(one, k * one.length);
    const out = shift({ maxPixels: 2, fill: 99 })({ shape: [n, height, width, channels], data }, context(1));
    const counts = new Map<string, number>();
    for (let dy = -2; dy <= 2; dy++) {
      for (let dx = -2; dx <= 2; dx++) {
        counts.set(moved({ shape: [1, height, width, channels], data: one }, dy, dx, 99).join(), 0);
      }
    }
    for (let k = 0; k < n; k++) {
      const key = out.data.subarray(k * one.length, (k + 1) * one.length).join();
      expect(counts.has(key)).toBe(true);
      counts.set(key, counts.get(key)! + 1);
    }
    // 100 each on average, standard deviation 10: five of them either way.
    for (const count of counts.values()) expect(Math.abs(count - 100)).toBeLessThan(50);
  });

  it("leaves the batch that it is given as it was, and keeps the type of the pixels", () => {
    const data = Float32Array.of(1, 2, 3, 4);
    const out = shift({ maxPixels: 1, fill: -1 })({ shape: [1, 2, 2, 1], data }, context(3));
    expect(data).toEqual(Float32Array.of(1, 2, 3, 4));
    expect(out.data).toBeInstanceOf(Float32Array);
  });

  it("by 0 changes nothing", () => {
    const data = Uint8Array.of(1, 2, 3, 4);
    expect(shift({ maxPixels: 0 })({ shape: [1, 2, 2, 1], data }, context(0)).data).toEqual(data);
  });

  it("refuses shifts that are no whole number or as large as the image", () => {
    expect(() => shift({ maxPixels: 0.5 })).toThrow(expect.objectContaining({ code: "E_DATA" }));
    expect(() => shift({ maxPixels: -1 })).toThrow(/0 or more, got -1/);
    const batch = { shape: [1, 2, 3, 1], data: new Uint8Array(6) } as const;
    expect(() => shift({ maxPixels: 2 })(batch, context(0))).toThrow(/images of 2×3 out of sight/);
  });
});
