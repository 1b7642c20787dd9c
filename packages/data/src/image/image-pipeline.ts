import { RepvggError } from "@repvgg/core";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";
import { uniform } from "../distributions.ts";
import type { Transform } from "../transform.ts";
import { applyAny, RAND_AUGMENT, TRIVIAL_AUGMENT } from "./augment-operations.ts";
import { type ByteImage, crop } from "./byte-image.ts";
import { adjustBrightness, adjustContrast, adjustSaturation } from "./enhance.ts";
import { flipHorizontally } from "./geometry.ts";
import { adjustHue } from "./hue.ts";
import type { ColorJitter, ImageStep, RandomCrop, RandomResizedCrop } from "./image-steps.ts";
import { loadResampler } from "./load-resampler.ts";
import { randomResizedCropBox } from "./random-box.ts";
import type { Resampler } from "./resampler.ts";
import { resizeAndCrop } from "./resize-and-crop.ts";

/** Runs steps on an image. */
export interface ImagePipeline {
  /**
   * @param image Borrowed.
   * @param random The image's own generator, from which the steps draw in turn.
   * @param name Of the image, for messages.
   * @returns An image of the caller's: perhaps `image` itself.
   * @throws {RepvggError} `E_DATA`: the image is too small for a step.
   */
  run(image: ByteImage, steps: readonly ImageStep[], random: RandomGenerator, name?: string): ByteImage;
}

export async function loadImagePipeline(): Promise<ImagePipeline> {
  const resampler = await loadResampler();
  return {
    run: (image, steps, random, name = "An image") =>
      steps.reduce((current, step) => runStep(resampler, step, current, random, name), image),
  };
}

/** The steps as a transform of whole batches, for images in memory. */
export async function imageTransform(steps: readonly ImageStep[]): Promise<Transform> {
  const pipeline = await loadImagePipeline();
  return ({ shape: [n, height, width, channels], data }, { random }) => {
    if (!(data instanceof Uint8Array) || (channels !== 1 && channels !== 3)) {
      throw new RepvggError("E_DATA", "Images are augmented as bytes of 1 or 3 channels: before they are normalised.");
    }
    const bytes = height * width * channels;
    const images = Array.from({ length: n }, (_, k) => {
      const image = { height, width, channels, data: data.subarray(k * bytes, (k + 1) * bytes) } as const;
      return pipeline.run(image, steps, random(k));
    });
    const [{ height: h, width: w } = { height, width }] = images;
    const all = new Uint8Array(n * h * w * channels);
    images.forEach((image, k) => {
      all.set(image.data, k * h * w * channels);
    });
    return { shape: [n, h, w, channels], data: all };
  };
}

function runStep(
  resampler: Resampler,
  step: ImageStep,
  image: ByteImage,
  random: RandomGenerator,
  name: string,
): ByteImage {
  switch (step.kind) {
    case "resizeAndCrop":
      return resizeAndCrop(resampler, image, step, name);
    case "randomResizedCrop":
      return cropResized(resampler, step, image, random);
    case "randomCrop":
      return cropAnywhere(step, image, random, name);
    case "randomHorizontalFlip":
      return uniformFloat64(random) < step.probability ? flipHorizontally(image) : image;
    case "colorJitter":
      return jitter(step, image, random);
    case "randAugment": {
      let result = image;
      for (let i = 0; i < step.numOps; i++) result = applyAny(RAND_AUGMENT, result, random, step.magnitude);
      return result;
    }
    case "trivialAugment":
      return applyAny(TRIVIAL_AUGMENT, image, random);
  }
}

function cropResized(resampler: Resampler, step: RandomResizedCrop, image: ByteImage, random: RandomGenerator) {
  const box = randomResizedCropBox([image.height, image.width], step, random);
  return resampler.resize(image, step.size, step.interpolation, undefined, box);
}

function cropAnywhere({ size, padding, fill }: RandomCrop, image: ByteImage, random: RandomGenerator, name: string) {
  const [rows, columns] = [image.height + 2 * padding - size[0], image.width + 2 * padding - size[1]];
  if (rows < 0 || columns < 0) {
    throw new RepvggError(
      "E_DATA",
      `${name} has ${image.height}×${image.width} pixels: with a border of ${padding} less than the ${size.join("×")} to be cut out.`,
    );
  }
  const [top, left] = [uniformInt(random, 0, rows), uniformInt(random, 0, columns)];
  return crop(image, { top: top - padding, left: left - padding, height: size[0], width: size[1] }, fill);
}

const JITTERS = {
  brightness: adjustBrightness,
  contrast: adjustContrast,
  saturation: adjustSaturation,
  hue: adjustHue,
} as const;
const UNCHANGED = { brightness: 1, contrast: 1, saturation: 1, hue: 0 } as const;

function jitter(step: ColorJitter, image: ByteImage, random: RandomGenerator): ByteImage {
  const order = Object.keys(JITTERS) as (keyof typeof JITTERS)[];
  for (let i = order.length - 1; i > 0; i--) {
    const j = uniformInt(random, 0, i);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  let result = image;
  for (const name of order) {
    const factor = uniform(random, ...step[name]);
    if (factor !== UNCHANGED[name]) result = JITTERS[name](result, factor);
  }
  return result;
}
