import { describe, expect, it } from "vitest";
import { normalize, repeatChannels } from "./normalize.ts";
import {
  getDefaultValTransform,
  IMAGENET_PREPROCESSING,
  MNIST_PREPROCESSING,
  type Preprocessing,
  parsePreprocessing,
  preprocess,
  preprocessImages,
  timmPreprocessing,
} from "./preprocessing.ts";
import { countingDataset } from "./test-dataset.ts";
import { compose, NO_RANDOMNESS } from "./transform.ts";

const small: Preprocessing = {
  ...MNIST_PREPROCESSING,
  size: [2, 3],
  resize: null,
  mean: [0.1, 0.2, 0.3],
  std: [1, 2, 3],
};

describe("parsePreprocessing", () => {
  it.each([MNIST_PREPROCESSING, IMAGENET_PREPROCESSING, small])("reads its own JSON back", (preprocessing) => {
    expect(parsePreprocessing(JSON.stringify(preprocessing))).toEqual(preprocessing);
    expect(parsePreprocessing({ ...preprocessing, more: 1 })).toEqual(preprocessing);
  });

  it("has defaults for how to resize", () => {
    const { inputChannels, size, mean, std } = small;
    expect(parsePreprocessing({ inputChannels, size, mean, std })).toEqual(small);
  });

  it.each<[string, unknown, RegExp]>([
    ["no JSON", "{", /is not JSON/],
    ["no object", null, /must be an object/],
    ["no channels", { ...small, inputChannels: undefined }, /inputChannels of 1 or more, got nothing/],
    ["no size", { ...small, size: 28 }, /a size of two whole numbers, got 28/],
    ["a size of 0", { ...small, size: [0, 3] }, /a size of two whole numbers/],
    ["a resize below the size", { ...small, resize: 2 }, /resizes to 2 pixels, which is less than the 2×3/],
    ["a resize that is no number", { ...small, resize: "3" }, /a resize of 1 or more or null, got "3"/],
    ["an unknown interpolation", { ...small, interpolation: "cubic" }, /bicubic, lanczos, got "cubic"/],
    ["a mean too few", { ...small, mean: [0] }, /a mean for each of 3 channels, got \[0\]/],
    ["a std of 0", { ...small, std: [1, 0, 1] }, /a std above 0/],
  ])("refuses %s", (_, value, message) => {
    expect(() => parsePreprocessing(value, "a.safetensors")).toThrow(
      expect.objectContaining({ code: "E_DATA", message: expect.stringMatching(/^a\.safetensors /) }),
    );
    expect(() => parsePreprocessing(value)).toThrow(message);
  });
});

describe("preprocess", () => {
  const batch = { shape: [2, 2, 3, 1], data: Uint8Array.from({ length: 12 }, (_, i) => i * 20) } as const;

  it("is repeatChannels and normalize in one", () => {
    const steps = compose(repeatChannels(3), normalize(small));
    expect(preprocess(small)(batch, NO_RANDOMNESS)).toEqual(steps(batch, NO_RANDOMNESS));
  });

  it("takes images that have the channels already", () => {
    const rgb = { shape: [1, 2, 3, 3], data: Uint8Array.from({ length: 18 }, (_, i) => i * 14) } as const;
    expect(preprocess(small)(rgb, NO_RANDOMNESS)).toEqual(normalize(small)(rgb, NO_RANDOMNESS));
  });

  it("refuses other sizes and channels", () => {
    expect(() => preprocess(MNIST_PREPROCESSING)(batch, NO_RANDOMNESS)).toThrow(
      /images of 28×28, the data set has 2×3/,
    );
    const two = { shape: [1, 2, 3, 2], data: new Uint8Array(12) } as const;
    expect(() => preprocess(small)(two, NO_RANDOMNESS)).toThrow(/2 channels cannot be given to a network of 3/);
  });
});

it("preprocessImages takes the images asked for", () => {
  const images = preprocessImages(countingDataset(5), [4, 1], { ...small, mean: [0, 0, 0], std: [1, 1, 1] });
  expect(images.shape).toEqual([2, 2, 3, 3]);
  expect([images.data[0], images.data[18]]).toEqual([Math.fround(4 / 255), Math.fround(1 / 255)]);
});

it("NO_RANDOMNESS says where a random transform belongs", () => {
  expect(() => NO_RANDOMNESS.random(0)).toThrow(/Augment in a BatchLoader/);
});

describe("presets", () => {
  it("are the seed's and timm's", () => {
    expect(getDefaultValTransform(224)).toMatchObject({ size: [224, 224], resize: 224, interpolation: "bilinear" });
    expect(getDefaultValTransform(320)).toMatchObject({ size: [224, 224], resize: 256 });
    expect(timmPreprocessing({ size: 224 })).toMatchObject({ size: [224, 224], resize: 256, interpolation: "bicubic" });
    expect(timmPreprocessing({ size: 288, cropPct: 0.95 })).toMatchObject({ resize: 303 });
    expect(() => timmPreprocessing({ size: 224, cropPct: 1.5 })).toThrow(/resizes to 149 pixels, which is less/);
  });
});
