import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { shuffleStream, streamTarSamples } from "./tar-samples.ts";
import { tarOf } from "./test-tar.ts";

/** In pieces that end anywhere. */
async function* pieces(bytes: Uint8Array, size = 333): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
const samplesOf = async (bytes: Uint8Array, size?: number) =>
  (await all(streamTarSamples(pieces(bytes, size), "s.tar"))).map(({ key, files }) => [
    key,
    Object.fromEntries([...files].map(([extension, data]) => [extension, new TextDecoder().decode(data)])),
  ]);
const failure = (message: RegExp) =>
  expect.objectContaining({ code: "E_DATA", message: expect.stringMatching(message) });

describe("streamTarSamples", () => {
  it.each(["ustar", "gnu", "pax"])("reads what Python's tarfile writes: %s", async (format) => {
    const long = "h".repeat(176);
    const more = [
      [long, { jpg: "content of 180" }],
      ["Größe/é", { jpg: "content of 11" }],
    ];
    expect(await samplesOf(readFileSync(new URL(`fixtures/${format}.tar`, import.meta.url)))).toEqual([
      ["a", { cls: "content of 5", jpg: "content of 5" }],
      [`${"f".repeat(70)}/${"g".repeat(45)}`, { jpg: "content of 120" }],
      ...(format === "ustar" ? [] : more),
    ]);
  });

  it("groups neighbours by their names up to the first dot, in any pieces", async () => {
    const archive = tarOf({
      "d.x/1.jpg": "a",
      "d.x/1.seg.PNG": "b",
      "d.x/2.jpg": "",
      "no-extension": "c",
      "d.x/1.cls": "d",
    });
    for (const size of [1, 512, 1e6]) {
      expect(await samplesOf(archive, size)).toEqual([
        ["d.x/1", { jpg: "a", "seg.png": "b" }],
        ["d.x/2", { jpg: "" }],
        ["d.x/1", { cls: "d" }],
      ]);
    }
  });

  it("needs no end of zeros, and names the byte where an archive is damaged", async () => {
    const archive = tarOf({ "1.jpg": "x".repeat(600), "2.jpg": "y" });
    expect(await samplesOf(archive.subarray(0, archive.length - 1024))).toHaveLength(2);
    await expect(samplesOf(archive.subarray(0, 700))).rejects.toThrow(
      failure(/s\.tar is damaged: at byte 512 it has 188 of the 600 bytes of "1\.jpg"/),
    );
    await expect(samplesOf(archive.subarray(0, 1300))).rejects.toThrow(
      failure(/at byte 512 it has not all of the last block of "1\.jpg"/),
    );
    await expect(samplesOf(archive.subarray(0, 1600))).rejects.toThrow(
      failure(/at byte 1536 it has 64 bytes of a header/),
    );
    const changed = Buffer.from(archive);
    changed[1536 + 3]! ^= 1;
    await expect(samplesOf(changed)).rejects.toThrow(failure(/at byte 1536 it has no header/));
    await expect(samplesOf(Buffer.alloc(600, "no archive"))).rejects.toThrow(failure(/no tar archive/));
    await expect(samplesOf(Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(600, 7)]))).rejects.toThrow(
      failure(/is compressed.*gunzip/),
    );
  });
});

describe("shuffleStream", () => {
  async function* numbers(n: number) {
    for (let i = 0; i < n; i++) yield i;
  }

  it("gives each item once, in an order that the seed decides and the buffer bounds", async () => {
    const order = await all(shuffleStream(numbers(500), { size: 50, seed: 1 }));
    expect([...order].sort((a, b) => a - b)).toEqual(await all(numbers(500)));
    expect(order).not.toEqual(await all(numbers(500)));
    for (const [place, item] of order.entries()) expect(item).toBeLessThanOrEqual(place + 50);
    expect(await all(shuffleStream(numbers(500), { size: 50, seed: 1 }))).toEqual(order);
    expect(await all(shuffleStream(numbers(500), { size: 50, seed: 2 }))).not.toEqual(order);
    expect(await all(shuffleStream(numbers(3), { size: 0 }))).toEqual([0, 1, 2]);
  });
});
