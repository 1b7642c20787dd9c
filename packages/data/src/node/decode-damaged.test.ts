import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeImage } from "./decode-image.ts";

type Edit = readonly [file: string, at: number, removed: number, inserted: string, sha256: string | null];

/** By Pillow: make_damaged.py. */
const edits: readonly Edit[] = JSON.parse(readFileSync(new URL("fixtures/damaged.json", import.meta.url), "utf8"));

function damaged([file, at, removed, inserted]: Edit): Buffer {
  const whole = readFileSync(new URL(`fixtures/images/${file}`, import.meta.url));
  return Buffer.concat([whole.subarray(0, at), Buffer.from(inserted, "hex"), whole.subarray(at + removed)]);
}

/** @returns The SHA-256 of the pixels; null: refused, as an image. */
async function outcome(edit: Edit): Promise<string | null> {
  try {
    const { data } = await decodeImage(damaged(edit), "a.jpg");
    return createHash("sha256").update(data).digest("hex");
  } catch (error) {
    expect(error).toMatchObject({
      code: "E_DATA",
      message: expect.stringMatching(/^a\.jpg cannot be decoded as an image: /),
    });
    return null;
  }
}

describe("decodeImage of damaged JPEG files", () => {
  it.each([...new Set(edits.map(([file]) => file))])("reads what Pillow reads, to the same bytes: %s", async (file) => {
    const own = edits.filter(([name]) => name === file);
    const found = await Promise.all(own.map(async (edit) => [...edit.slice(0, 4), await outcome(edit)]));
    expect(found).toEqual(own);
  });
});
