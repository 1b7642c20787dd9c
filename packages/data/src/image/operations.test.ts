import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type ByteImage, crop } from "./byte-image.ts";
import { adjustBrightness, adjustContrast, adjustSaturation, adjustSharpness } from "./enhance.ts";
import { flipHorizontally, rotate, shearX, shearY, translate } from "./geometry.ts";
import { adjustHue } from "./hue.ts";
import { autoContrast, equalize, invert, posterize, solarize } from "./levels.ts";
import { loadResampler } from "./load-resampler.ts";
import type { Interpolation } from "./resample-weights.ts";
import { testImage } from "./test-image.ts";

interface Fixture {
  size: [number, number];
  operations: { operation: string; parameter: number; channels: 1 | 3; sha256: string }[];
  resizes: {
    interpolation: Interpolation;
    channels: 1 | 3;
    from: [number, number];
    to: [number, number];
    sha256: string;
  }[];
}
/** By Pillow and torchvision: make_operations.py. */
const fixture: Fixture = JSON.parse(readFileSync(new URL("fixtures/operations.json", import.meta.url), "utf8"));
const sha256 = ({ data }: ByteImage) => createHash("sha256").update(data).digest("hex");

const OPERATIONS: Readonly<Record<string, (image: ByteImage, parameter: number) => ByteImage>> = {
  adjustBrightness,
  adjustContrast,
  adjustSaturation,
  adjustSharpness,
  adjustHue,
  posterize,
  solarize,
  autoContrast,
  equalize,
  invert,
  flipHorizontally,
  shearX,
  shearY,
  translateX: (image, dx) => translate(image, 0, dx),
  translateY: (image, dy) => translate(image, dy, 0),
  rotate,
};

describe("operations on images", () => {
  it.each(Object.keys(OPERATIONS))("%s gives Pillow's and torchvision's bytes", (name) => {
    const cases = fixture.operations.filter(({ operation }) => operation === name);
    expect(cases.length).toBeGreaterThan(0);
    for (const { parameter, channels, sha256: expected } of cases) {
      const image = testImage(...fixture.size, channels);
      const fromFile = { ...image, data: Buffer.from(image.data) }; // Some methods of a Buffer are others.
      for (const given of [image, fromFile]) {
        const before = sha256(given);
        const result = OPERATIONS[name]!(given, parameter);
        expect([parameter, channels, sha256(result)]).toEqual([parameter, channels, expected]);
        expect(sha256(given)).toBe(before);
      }
    }
  });
});

describe("Resampler", () => {
  it.each(["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"] as const)(
    "gives Pillow's bytes: %s",
    async (filter) => {
      const resampler = await loadResampler();
      const cases = fixture.resizes.filter(({ interpolation }) => interpolation === filter);
      expect(cases.length).toBeGreaterThan(0);
      for (const { channels, from, to, sha256: expected } of cases) {
        const result = resampler.resize(testImage(...from, channels), to, filter);
        expect([channels, from, to, sha256(result)]).toEqual([channels, from, to, expected]);
      }
    },
  );

  it("computes a window alone as it is in the whole", async () => {
    const resampler = await loadResampler();
    for (const filter of ["nearest", "bilinear", "lanczos"] as const) {
      for (const size of [
        [20, 31],
        [7, 200],
        [45, 30],
        [17, 62],
        [91, 133],
      ] as const) {
        const image = testImage(45, 62, 3);
        const whole = resampler.resize(image, size, filter);
        const window = { top: 2, left: 5, height: 4, width: 21 };
        const part = resampler.resize(image, size, filter, window);
        const row = (y: number) => ((window.top + y) * size[1] + window.left) * 3;
        const expected = [0, 1, 2, 3].flatMap((y) => [...whole.data.subarray(row(y), row(y) + 63)]);
        expect([...part.data]).toEqual(expected);
      }
    }
  });

  it("resizes a box as if it had been cut out before", async () => {
    const resampler = await loadResampler();
    const image = testImage(45, 62, 3);
    const window = { top: 3, left: 1, height: 9, width: 14 };
    for (const filter of ["nearest", "bilinear", "bicubic"] as const) {
      for (const box of [
        { top: 5, left: 7, height: 31, width: 40 },
        { top: 30, left: 0, height: 15, width: 62 },
        { top: 2, left: 9, height: 20, width: 30 }, // is as large as the result
      ]) {
        const part = resampler.resize(image, [20, 30], filter, window, box);
        expect(part).toEqual(resampler.resize(crop(image, box), [20, 30], filter, window));
      }
    }
    const outside = { top: 40, left: 0, height: 6, width: 62 };
    expect(() => resampler.resize(image, [8, 8], "bilinear", undefined, outside)).toThrow(/not inside 45×62/);
  });

  it("refuses sizes and windows that are none", async () => {
    const resampler = await loadResampler();
    const image = testImage(4, 4, 1);
    const failure = expect.objectContaining({ code: "E_DATA" });
    expect(() => resampler.resize(image, [0, 4], "bilinear")).toThrow(failure);
    expect(() => resampler.resize(image, [2.5, 4], "bilinear")).toThrow(failure);
    const outside = { top: 0, left: 1, height: 8, width: 8 };
    expect(() => resampler.resize(image, [8, 8], "bilinear", outside)).toThrow(/not inside 8×8/);
  });
});
