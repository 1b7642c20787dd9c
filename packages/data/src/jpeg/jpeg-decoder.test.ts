import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import sharp, { type JpegOptions } from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import type { ByteImage } from "../image/byte-image.ts";
import { type JpegDecoder, loadJpegDecoder } from "./jpeg-decoder.ts";

/** By Pillow: ../node/fixtures/make_images.py. */
const FIXTURES = new URL("../node/fixtures/", import.meta.url);
const { images }: { images: Record<string, string> } = JSON.parse(
  readFileSync(new URL("images.json", FIXTURES), "utf8"),
);
const bytesOf = (name: string) => readFileSync(new URL(`images/${name}`, FIXTURES));
const USUAL = [
  "420.jpg",
  "422.jpg",
  "444.jpg",
  "grey.jpg",
  "restart.jpg",
  "coarse.jpg",
  "profile.jpg",
  "orientation.jpg",
];

let decoder: JpegDecoder;
beforeAll(async () => {
  decoder = await loadJpegDecoder();
});

/** With pixels of its own, that the next image leaves alone. */
function decoded(...input: Parameters<JpegDecoder["decode"]>): ByteImage {
  const { data, ...image } = decoder.decode(...input)!;
  return { ...image, data: data.slice() };
}

/** Noise over a gradient, as a JPEG of any size. */
function jpegOf(width: number, height: number, options: JpegOptions): Promise<Buffer> {
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7 + ((i * i * 31) % 97)) % 256);
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ mozjpeg: false, ...options })
    .toBuffer();
}

describe("JpegDecoder", () => {
  it.each(USUAL)("gives Pillow's bytes: %s", (name) => {
    const { data } = decoder.decode(bytesOf(name))!;
    expect(createHash("sha256").update(data).digest("hex")).toBe(images[name]);
  });

  it("gives the bytes of libjpeg in sharp, at any size and quality", async () => {
    for (const chromaSubsampling of ["4:2:0", "4:4:4"]) {
      for (const [i, width] of [5, 8, 9, 16, 17, 31, 33, 64, 131].entries()) {
        const height = [1, 2, 7, 8, 15, 16, 17, 40, 99][(i * 4) % 9]!;
        const jpeg = await jpegOf(width, height, { chromaSubsampling, quality: 10 + 11 * i });
        expect(decoder.decode(jpeg)).toEqual({
          height,
          width,
          channels: 3,
          data: new Uint8Array(await sharp(jpeg).raw().toBuffer()),
        });
      }
    }
  });

  it.each(["4:2:0", "4:4:4"])("gives the same pixels of a part, at %s", async (chromaSubsampling) => {
    const jpeg = await jpegOf(150, 120, { chromaSubsampling });
    const whole = decoded(jpeg);
    const row = (data: Uint8Array, y: number, [left, right]: number[]) =>
      data.slice((y * 150 + left!) * 3, (y * 150 + right!) * 3);
    for (const [top, left, height, width] of [
      [0, 0, 1, 1],
      [119, 149, 1, 1],
      [17, 31, 50, 70],
      [64, 96, 56, 54],
      [5, 0, 3, 150],
    ] as const) {
      const part = decoder.decode(jpeg, (size) => {
        expect(size).toEqual([120, 150]);
        return { top, left, height, width };
      })!;
      for (let y = top; y < top + height; y++) {
        const columns = [left, left + width];
        expect(row(part.data, y, columns)).toEqual(row(whole.data, y, columns));
      }
    }
  });

  it("leaves to others what is unusual, damaged or no JPEG", async () => {
    for (const name of ["progressive.jpg", "cmyk.jpg", "rgb.png"])
      expect(decoder.decode(bytesOf(name))).toBeUndefined();
    expect(decoder.decode(await jpegOf(4, 4, { chromaSubsampling: "4:2:0" }))).toBeUndefined(); // not interpolated
    for (const name of ["420.jpg", "restart.jpg", "grey.jpg"]) {
      const whole = bytesOf(name);
      for (let length = 0; length < whole.length; length++) {
        expect(decoder.decode(whole.subarray(0, length))).toBeUndefined();
      }
    }
  });

  it("survives any damage, and decodes the next image as before", () => {
    const whole = bytesOf("restart.jpg");
    const before = decoded(whole);
    for (let i = 2; i < whole.length; i++) {
      const damaged = Uint8Array.from(whole);
      damaged[i] = (damaged[i]! + 1 + ((i * 37) % 255)) % 256;
      const size = decoder.decode(damaged)?.data.length ?? 0;
      expect(size % 3).toBe(0);
    }
    expect(decoded(whole)).toEqual(before);
  });
});
