import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Preprocessing } from "../preprocessing.ts";
import { preprocessImageFile } from "./preprocess-image-file.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "repvgg-data-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Leaves bytes as they are, so that pixels can be compared. */
const bytes: Preprocessing = {
  inputChannels: 3,
  size: [2, 3],
  resize: null,
  interpolation: "bilinear",
  mean: [0, 0, 0],
  std: [1 / 255, 1 / 255, 1 / 255],
};
const grey: Preprocessing = { ...bytes, inputChannels: 1, mean: [0], std: [1 / 255] };

async function png(
  name: string,
  [height, width, channels]: readonly [number, number, 1 | 3 | 4],
  data: ArrayLike<number>,
) {
  const file = join(folder, name);
  await sharp(Uint8Array.from(data), { raw: { width, height, channels } })
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .png()
    .toFile(file);
  return file;
}
const counting = (n: number) => Array.from({ length: n }, (_, i) => i);
const pixels = async (file: string, preprocessing: Preprocessing) => {
  const { shape, data } = await preprocessImageFile(file, preprocessing);
  return { shape, pixels: [...data].map(Math.round) };
};

interface TensorFixture {
  mean: number[];
  std: number[];
  tensors: {
    image: string;
    channels: 1 | 3;
    resize: number;
    size: number;
    interpolation: Preprocessing["interpolation"];
    sha256: string;
  }[];
}
/** By torchvision: make_tensors.py. */
const fixture: TensorFixture = JSON.parse(readFileSync(new URL("fixtures/tensors.json", import.meta.url), "utf8"));

describe("preprocessImageFile", () => {
  it("gives torchvision's bits", async () => {
    for (const { image, channels, resize, size, interpolation, sha256 } of fixture.tensors) {
      const [mean, std] = [fixture.mean.slice(0, channels), fixture.std.slice(0, channels)];
      const file = fileURLToPath(new URL(`fixtures/images/${image}`, import.meta.url));
      const own = { inputChannels: channels, size: [size, size], resize, interpolation, mean, std } as const;
      const { shape, data } = await preprocessImageFile(file, own);
      expect(shape).toEqual([1, size, size, channels]);
      const hash = createHash("sha256").update(new Uint8Array(data.buffer)).digest("hex");
      expect([image, channels, resize, hash]).toEqual([image, channels, resize, sha256]);
    }
  });

  it("gives the pixels of a colour image, HWC", async () => {
    const file = await png("a.png", [2, 3, 3], counting(18));
    expect(await pixels(file, bytes)).toEqual({ shape: [1, 2, 3, 3], pixels: counting(18) });
  });

  it("repeats grey for a network of 3 channels, and turns colour grey for one of 1", async () => {
    const file = await png("a.png", [2, 3, 1], [10, 20, 30, 40, 50, 60]);
    expect((await pixels(file, bytes)).pixels.slice(0, 6)).toEqual([10, 10, 10, 20, 20, 20]);
    expect((await pixels(file, grey)).pixels).toEqual([10, 20, 30, 40, 50, 60]);
    const colour = await png("b.png", [2, 3, 3], new Array(18).fill(77));
    expect(await pixels(colour, grey)).toEqual({ shape: [1, 2, 3, 1], pixels: new Array(6).fill(77) });
  });

  it("leaves transparency away, as Pillow's convert does", async () => {
    const file = await png("a.png", [2, 3, 4], new Array(6).fill([200, 100, 50, 0]).flat());
    expect((await pixels(file, bytes)).pixels).toEqual(new Array(6).fill([200, 100, 50]).flat());
  });

  it("cuts the centre out, rounding as torchvision does", async () => {
    const file = await png("a.png", [5, 8, 1], counting(40));
    // (5 - 2) / 2 = 1.5 goes to row 2, (8 - 3) / 2 = 2.5 to column 2.
    expect((await pixels(file, grey)).pixels).toEqual([18, 19, 20, 26, 27, 28]);
  });

  it("resizes the shorter side and keeps the ratio", async () => {
    const file = await png(
      "a.png",
      [8, 16, 1],
      counting(128).map((i) => (i % 16) * 16),
    );
    const { shape, pixels: out } = await pixels(file, { ...grey, size: [4, 4], resize: 4 });
    expect(shape).toEqual([1, 4, 4, 1]);
    // Columns 2 to 5 of 8, each the weighted mean of four columns around it; the ramp keeps its values, give or take rounding.
    [72, 104, 136, 168].forEach((expected, x) => {
      expect(Math.abs(out[x]! - expected)).toBeLessThanOrEqual(1);
    });
  });

  const failure = (message: RegExp) =>
    expect.objectContaining({ code: "E_DATA", message: expect.stringMatching(message) });

  it("says that a file is missing, no image, damaged or too small", async () => {
    await expect(preprocessImageFile(join(folder, "none.png"), bytes)).rejects.toThrow(
      failure(/none\.png cannot be read: there is no such file/),
    );
    const text = join(folder, "text.png");
    await writeFile(text, "not an image");
    await expect(preprocessImageFile(text, bytes)).rejects.toThrow(failure(/text\.png cannot be decoded as an image/));
    const whole = await sharp({
      create: {
        width: 64,
        height: 64,
        channels: 3,
        background: "red",
        noise: { type: "gaussian", mean: 99, sigma: 30 },
      },
    })
      .jpeg()
      .toBuffer();
    const cut = join(folder, "cut.jpg");
    await writeFile(cut, whole.subarray(0, whole.length / 2));
    await expect(preprocessImageFile(cut, bytes)).rejects.toThrow(failure(/cut\.jpg cannot be decoded/));
    const small = await png("small.png", [1, 3, 1], [1, 2, 3]);
    await expect(preprocessImageFile(small, bytes)).rejects.toThrow(
      failure(/small\.png has 1×3 pixels, less than the network's 2×3/),
    );
  });

  it("does not guess what a network of other channels wants", async () => {
    const two = { ...bytes, inputChannels: 2 };
    await expect(preprocessImageFile("a.png", two)).rejects.toThrow(expect.objectContaining({ code: "E_UNSUPPORTED" }));
  });
});
