import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { type ByteSource, readImageHeader } from "./image-header.ts";

const source = (bytes: Uint8Array): ByteSource => ({
  length: bytes.length,
  read: (offset, length) => bytes.subarray(offset, offset + length),
});
const noise = Uint8Array.from({ length: 37 * 23 * 3 }, (_, i) => (i * 7919) % 251);
const image = () => sharp(noise, { raw: { width: 37, height: 23, channels: 3 } });

/** Little-endian numbers of 2 and 4 bytes. */
const u16 = (n: number) => [n & 255, n >> 8];
const u32 = (n: number) => [...u16(n & 0xffff), ...u16(n >>> 16)];

/** What sharp does not write. */
const bmp = (height: number) =>
  Uint8Array.from(
    [0x42, 0x4d, ...u32(54 + 37 * 3), ...u32(0), ...u32(54), ...u32(40), ...u32(37), ...u32(height >>> 0)].concat(
      Array(28 + 37 * 3).fill(0),
    ),
  );

const FILES: [format: string, bytes: () => Promise<Uint8Array>][] = [
  ["jpeg", () => image().jpeg().toBuffer()],
  [
    "jpeg",
    () =>
      image()
        .jpeg({ progressive: true })
        .withMetadata({ exif: { IFD0: { Copyright: "x".repeat(5000) } } })
        .toBuffer(),
  ],
  ["png", () => image().png().toBuffer()],
  ["gif", () => image().gif().toBuffer()],
  ["webp", () => image().webp().toBuffer()],
  ["webp", () => image().webp({ lossless: true }).toBuffer()],
  ["webp", () => image().ensureAlpha(0.5).webp().toBuffer()],
  ["tiff", () => image().tiff().toBuffer()],
  ["bmp", async () => bmp(23)],
  ["bmp", async () => bmp(-23)],
  ["pnm", async () => Buffer.concat([Buffer.from("P6\n# a remark\n37 23\n255\n"), noise])],
];

describe("readImageHeader", () => {
  it.each(FILES)("reads the size of %s", async (format, make) => {
    const header = readImageHeader(source(await make()));
    expect(header).toEqual({ format, width: 37, height: 23, isTruncated: false });
  });

  it.each(FILES.filter(([format]) => format !== "tiff"))("sees that %s is cut off", async (_, make) => {
    const bytes = await make();
    expect(readImageHeader(source(bytes.subarray(0, bytes.length - 20)))?.isTruncated).toBe(true);
  });

  it.each(FILES)("never fails on the beginning of %s, whatever its length", async (format, make) => {
    const bytes = await make();
    for (let length = 0; length < Math.min(bytes.length, 700); length++) {
      const header = readImageHeader(source(bytes.subarray(0, length)));
      expect([undefined, format]).toContain(header?.format);
    }
  });

  it("accepts bytes after the end, and an EXIF thumbnail's end is not the image's", async () => {
    const jpeg = await image().jpeg().toBuffer();
    expect(readImageHeader(source(Buffer.concat([jpeg, Buffer.alloc(100)])))?.isTruncated).toBe(false);
    const thumbnail = Buffer.concat([Buffer.from([0xff, 0xe1, 0, 6, 0xff, 0xd9, 0, 0]), jpeg.subarray(2, -2)]);
    expect(readImageHeader(source(Buffer.concat([jpeg.subarray(0, 2), thumbnail])))?.isTruncated).toBe(true);
  });

  it("reads the size that a decompression bomb claims", () => {
    const png = Buffer.from("89504e470d0a1a0a0000000d494844520000c3500000c350080200000000000000", "hex");
    expect(readImageHeader(source(png))).toMatchObject({ width: 50000, height: 50000 });
  });

  it("knows nothing of other files", async () => {
    expect(readImageHeader(source(await image().avif().toBuffer()))).toBeUndefined();
    expect(readImageHeader(source(Buffer.from("<!doctype html><title>404</title>")))).toBeUndefined();
    expect(readImageHeader(source(new Uint8Array(0)))).toBeUndefined();
  });
});
