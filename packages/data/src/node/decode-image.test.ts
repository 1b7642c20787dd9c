import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage } from "./decode-image.ts";

/** By Pillow: make_images.py. */
const fixture: { size: [number, number]; images: Record<string, string> } = JSON.parse(
  readFileSync(new URL("fixtures/images.json", import.meta.url), "utf8"),
);
const bytesOf = (name: string) => readFileSync(new URL(`fixtures/images/${name}`, import.meta.url));
const failure = (message: RegExp) =>
  expect.objectContaining({ code: "E_DATA", message: expect.stringMatching(message) });

describe("decodeImage", () => {
  it.each(Object.entries(fixture.images))("gives the bytes of Pillow's convert: %s", async (name, sha256) => {
    const { height, width, channels, data } = await decodeImage(bytesOf(name), name);
    expect([height, width, channels]).toEqual([...fixture.size, 3]);
    expect(createHash("sha256").update(data).digest("hex")).toBe(sha256);
  });

  it.each(["420.jpg", "progressive.jpg", "rgb.png", "lossy.webp", "palette.bmp", "rgb.ppm", "text.pgm"])(
    "refuses %s when it is truncated",
    async (name) => {
      const whole = bytesOf(name);
      for (const share of [0.3, 0.8]) {
        const cut = whole.subarray(0, Math.floor(whole.length * share));
        await expect(decodeImage(cut, name)).rejects.toThrow(failure(/cannot be decoded as an image/));
      }
    },
  );

  it("says all mistakes in one line, and what helps", async () => {
    const damaged = bytesOf("restart.jpg");
    damaged.set([0xff, 0xdc], 163); // in a Huffman table
    await expect(decodeImage(damaged, "a.jpg")).rejects.toThrow(
      failure(/^a\.jpg cannot be decoded as an image: Corrupt JPEG data: found .*; Corrupt .* save it anew there\.$/),
    );
  });

  it("reads a JPEG with garbage between its segments, as Pillow does", async () => {
    const whole = bytesOf("420.jpg");
    const end = whole.length - 2;
    const dirty = Buffer.concat([whole.subarray(0, end), Buffer.from([0, 0, 0]), whole.subarray(end)]);
    expect((await decodeImage(dirty, "dirty.jpg")).data).toEqual((await decodeImage(whole, "420.jpg")).data);
  });

  it("says what is none: an HTML page, nothing, text", async () => {
    const page = Buffer.from("\n<!DOCTYPE html><html><body>404</body></html>");
    await expect(decodeImage(page, "a.jpg")).rejects.toThrow(failure(/a\.jpg .* is an HTML page/));
    await expect(decodeImage(new Uint8Array(), "b.jpg")).rejects.toThrow(failure(/b\.jpg is empty: 0 bytes/));
    await expect(decodeImage(Buffer.from("text"), "c.jpg")).rejects.toThrow(failure(/c\.jpg cannot be decoded/));
  });

  it("refuses a PNG of 50,000 × 50,000 by its header, at once", async () => {
    const bomb = Buffer.from(bytesOf("rgb.png"));
    bomb.writeUInt32BE(50_000, 16);
    bomb.writeUInt32BE(50_000, 20);
    const crc = await import("node:zlib").then(({ crc32 }) => crc32(bomb.subarray(12, 29)));
    bomb.writeUInt32BE(crc, 29);
    const start = performance.now();
    await expect(decodeImage(bomb, "bomb.png")).rejects.toThrow(failure(/exceeds pixel limit/));
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it("says which BMP and PNM are not read", async () => {
    const bmp = Buffer.from(bytesOf("rgb.bmp"));
    bmp.writeUInt16LE(16, 28);
    await expect(decodeImage(bmp, "a.bmp")).rejects.toThrow(failure(/only uncompressed BMP .* save it as PNG/));
    bmp.writeUInt16LE(24, 28);
    bmp.writeInt32LE(50_000, 18);
    bmp.writeInt32LE(50_000, 22);
    await expect(decodeImage(bmp, "b.bmp")).rejects.toThrow(failure(/exceeds the pixel limit/));
    await expect(decodeImage(Buffer.from("P6 50000 50000 255\n"), "c.ppm")).rejects.toThrow(failure(/pixel limit/));
    await expect(decodeImage(Buffer.from("P6 2 x"), "d.ppm")).rejects.toThrow(failure(/no number where one is due/));
    for (let length = 3; length < 54; length++) {
      await expect(decodeImage(bytesOf("rgb.bmp").subarray(0, length), "e.bmp")).rejects.toThrow(failure(/e\.bmp/));
    }
  });

  it("refuses what it would read otherwise than Pillow: AVIF, TIFF of 16-bit inks", async () => {
    const grey = sharp({ create: { width: 9, height: 8, channels: 3, background: "#777" } });
    await expect(decodeImage(await grey.avif().toBuffer(), "a.jpg")).rejects.toThrow(
      failure(/a\.jpg is an AVIF image, which is not read\. Convert it to PNG/),
    );
    const tiff = Buffer.from(bytesOf("grey-16.tiff"));
    const photometric = tiff.indexOf(Buffer.from([0x06, 0x01, 3, 0, 1, 0, 0, 0, 1, 0]));
    expect(photometric).toBeGreaterThan(0);
    tiff.writeUInt16LE(5, photometric + 8);
    await expect(decodeImage(tiff, "b.tiff")).rejects.toThrow(
      failure(/16 bits, photometric interpretation 5.*save it as PNG/),
    );
  });

  it("gives the same for images of one pixel", async () => {
    const one = await sharp({ create: { width: 1, height: 1, channels: 3, background: "#0a1420" } })
      .png()
      .toBuffer();
    expect(await decodeImage(one, "one.png")).toEqual({
      height: 1,
      width: 1,
      channels: 3,
      data: expect.objectContaining({ 0: 10, 1: 20, 2: 32 }),
    });
  });
});
