import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeEventFolder } from "@repvgg/tooling";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodePng } from "../png.ts";
import { crc32c, maskedCrc32c } from "./crc32c.ts";
import { EventWriter } from "./event-writer.ts";
import { histogramOf } from "./histogram.ts";
import { readScalars } from "./read-scalars.ts";
import { trimEventFiles } from "./trim-event-files.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "repvgg-events-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = async (steps: readonly number[]) => {
  const events = await EventWriter.open(folder);
  for (const step of steps) events.add([{ tag: "loss", scalar: 1 / step }], step);
  await events.flush();
  return events.file;
};
const stepsOf = async () =>
  (await decodeEventFolder(folder)).flatMap(({ step, values }) => (values.length > 0 ? [step] : []));

describe("crc32c", () => {
  // RFC 3720, appendix B.4.
  it.each([
    ["32 bytes of zeros", new Uint8Array(32), 0x8a9136aa],
    ["32 bytes of ones", new Uint8Array(32).fill(255), 0x62a8ab43],
    ["32 incrementing bytes", Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ])("of %s", (_, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  it("is masked as TensorFlow masks it", () => {
    // ((crc >> 15) | (crc << 17)) + 0xa282ead8 in 64-bit integers.
    const crc = BigInt(crc32c(Uint8Array.of(1, 2, 3)));
    const rotated = ((crc >> 15n) | (crc << 17n)) & 0xffffffffn;
    expect(BigInt(maskedCrc32c(Uint8Array.of(1, 2, 3)))).toBe((rotated + 0xa282ead8n) & 0xffffffffn);
  });
});

describe("EventWriter", () => {
  it("writes what an independent decoder reads", async () => {
    const events = await EventWriter.open(folder);
    const png = encodePng([0, 128, 255, 10, 20, 30], [1, 2, 3]);
    const before = Date.now() / 1000;
    events.add(
      [
        { tag: "train/loss", scalar: 0.75 },
        { tag: "train/größe", scalar: Number.NaN },
      ],
      300,
    );
    events.add([{ tag: "samples", image: { png, size: [1, 2] } }], 2 ** 40);
    events.add([{ tag: "weights", histogram: Float32Array.of(-1, 0, 0.5, 3) }], 2 ** 40);
    await events.flush();

    const [version, scalars, image, histogram] = await decodeEventFolder(folder);
    expect(version).toMatchObject({ fileVersion: "brain.Event:2", values: [] });
    expect(scalars!.wallTime).toBeGreaterThanOrEqual(before);
    expect(scalars).toMatchObject({
      step: 300,
      values: [
        { tag: "train/loss", scalar: 0.75 },
        { tag: "train/größe", scalar: Number.NaN },
      ],
    });
    expect(image).toMatchObject({
      step: 2 ** 40,
      values: [{ tag: "samples", image: { height: 1, width: 2, colorspace: 3 } }],
    });
    expect(Buffer.from(image!.values[0]!.image!.bytes)).toEqual(Buffer.from(png));
    const decoded = histogram!.values[0]!.histogram!;
    expect(decoded).toMatchObject({ min: -1, max: 3, num: 4, sum: 2.5, sumSquares: 10.25 });
    expect(decoded.counts.reduce((a, b) => a + b)).toBe(4);
    expect(decoded.limits).toHaveLength(decoded.counts.length);
    expect(decoded.limits.at(-1)).toBe(3);
  });

  it("names files in the order of time, also when they begin in the same second", async () => {
    const files = [await write([1]), await write([2]), await write([3])];
    expect(new Set(files).size).toBe(3);
    expect(await stepsOf()).toEqual([1, 2, 3]);
  });

  it("leaves no file where nothing was written", async () => {
    await write([]);
    expect(await readdir(folder)).toEqual([]);
  });

  it("says which file could not be written", async () => {
    const events = await EventWriter.open(folder);
    events.add([{ tag: "loss", scalar: 1 }], 1);
    await rm(folder, { recursive: true });
    await expect(events.flush()).rejects.toMatchObject({
      code: "E_CHECKPOINT",
      message: expect.stringContaining(events.file),
    });
  });
});

describe("readScalars", () => {
  it("reads the scalars of all files by tag, as far as they are whole", async () => {
    await write([1, 2]);
    const events = await EventWriter.open(folder);
    events.add([{ tag: "weights", histogram: [1, 2] }], 3);
    events.add(
      [
        { tag: "loss", scalar: 0.25 },
        { tag: "rate", scalar: Number.NaN },
      ],
      4,
    );
    events.add([{ tag: "loss", scalar: 0.125 }], 5);
    await events.flush();
    await truncate(events.file, (await readFile(events.file)).length - 1);
    expect([...(await readScalars(folder))]).toEqual([
      [
        "loss",
        [
          [1, 1],
          [2, 0.5],
          [4, 0.25],
        ],
      ],
      ["rate", [[4, Number.NaN]]],
    ]);
  });
});

describe("trimEventFiles", () => {
  it("leaves no step twice when a run goes on from an earlier one", async () => {
    await write([1, 2, 3, 4]);
    await write([5, 6, 7]);
    await trimEventFiles(folder, ({ step }) => step <= 5);
    expect(await stepsOf()).toEqual([1, 2, 3, 4, 5]);
    await write([6, 7, 8]);
    expect(await stepsOf()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("removes a file of which nothing is left, and leaves one alone of which all is", async () => {
    const first = await write([1, 2]);
    await write([3]);
    const bytes = await readFile(first);
    await trimEventFiles(folder, ({ step }) => step <= 2);
    expect(await readdir(folder)).toHaveLength(1);
    expect(await readFile(first)).toEqual(bytes);
  });

  it("asks by tag, too", async () => {
    const events = await EventWriter.open(folder);
    events.add([{ tag: "step", scalar: 1 }], 9);
    events.add([{ tag: "epoch", scalar: 1 }], 9);
    await events.flush();
    await trimEventFiles(folder, ({ tags }) => !tags.includes("epoch"));
    expect((await decodeEventFolder(folder)).at(-1)!.values.map(({ tag }) => tag)).toEqual(["step"]);
  });

  it.each([1, 4, 11, 13, 30])("leaves out a record that a crash cut %i bytes short", async (missing) => {
    const file = await write([1, 2, 3]);
    const { length } = await readFile(file);
    await truncate(file, length - missing);
    await trimEventFiles(folder, () => true);
    expect(await stepsOf()).toEqual([1, 2]);
  });

  it("leaves out what comes after a damaged record", async () => {
    const file = await write([1, 2, 3]);
    const bytes = await readFile(file);
    bytes[bytes.length - 20]! ^= 1; // in the last record's data
    await writeFile(file, bytes);
    await trimEventFiles(folder, () => true);
    expect(await stepsOf()).toEqual([1, 2]);
  });
});

describe("histogramOf", () => {
  it("counts every finite value once, below its limit and not below the one before", () => {
    const values = Array.from({ length: 1000 }, (_, i) => Math.sin(i) ** 3);
    const { limits, counts, num } = histogramOf([...values, Number.NaN, Number.POSITIVE_INFINITY]);
    expect(num).toBe(1000);
    limits.forEach((limit, i) => {
      const from = limits[i - 1] ?? Number.NEGATIVE_INFINITY;
      const last = i === limits.length - 1;
      expect(counts[i]).toBe(
        values.filter((value) => value >= from && (value < limit || (last && value <= limit))).length,
      );
    });
  });

  it("has one bucket for equal values, and an empty one for none", () => {
    expect(histogramOf([2, 2, 2])).toMatchObject({ limits: [2], counts: [3], sum: 6 });
    expect(histogramOf([])).toMatchObject({ num: 0, limits: [0], counts: [0] });
  });
});
