import { ndArray } from "@repvgg/core";
import { normalize } from "@repvgg/data";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { thumbnailOf } from "./thumbnails.ts";

const STATISTICS = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
const NO_RANDOMNESS = {
  random(): never {
    throw new Error("normalisation draws nothing");
  },
};
const pixelsOf = async (png: Uint8Array) => [...(await sharp(png).raw().toBuffer())];

describe("thumbnailOf", () => {
  it.each([1, 3])("gives the bytes back that were normalised, of %i channels", async (channels) => {
    const [height, width] = [5, 7];
    const bytes = Uint8Array.from({ length: 2 * height * width * channels }, (_, i) => (i * 37) % 256);
    const statistics = channels === 3 ? STATISTICS : { mean: [0.13], std: [0.31] };
    const { shape, data } = normalize(statistics)({ shape: [2, height, width, channels], data: bytes }, NO_RANDOMNESS);
    const { png, size } = thumbnailOf(ndArray(shape, data as Float32Array), 1, statistics);
    expect(size).toEqual([height, width]);
    const shown = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    const grey = shown.info.channels / channels; // a decoder may repeat grey
    expect([...shown.data].filter((_, i) => i % grey === 0)).toEqual([...bytes.subarray(bytes.length / 2)]);
  });

  it("is at most 112 pixels large, of means over what is left out", async () => {
    const [height, width] = [224, 112];
    const data = Float32Array.from({ length: height * width }, (_, i) => (Math.floor(i / width) % 2 === 0 ? 0.2 : 0.6));
    const { png, size } = thumbnailOf(ndArray([1, height, width, 1], data), 0, { mean: [0], std: [1] });
    expect(size).toEqual([112, 56]);
    const pixels = await pixelsOf(png);
    expect(new Set(pixels)).toEqual(new Set([102])); // 0.4 of 255
  });
});
