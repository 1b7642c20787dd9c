import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";
import type { ByteImage } from "./byte-image.ts";
import { adjustBrightness, adjustContrast, adjustSaturation, adjustSharpness } from "./enhance.ts";
import { rotate, shearX, shearY, translate } from "./geometry.ts";
import { autoContrast, equalize, posterize, solarize } from "./levels.ts";

/** Magnitudes of the operations run from 0 to this many, less one. */
const BINS = 31;

interface AugmentOperation {
  readonly name: string;
  apply(image: ByteImage, magnitude: number): ByteImage;
  /** Of a magnitude's number, 0 to 30. Absent: the operation has none. */
  magnitude?(bin: number, image: ByteImage): number;
  /** Whether it may be negative as well. */
  readonly signed?: boolean;
}

/** What differs between the two sets of torchvision. */
interface Strengths {
  readonly shear: number;
  readonly translateX: (image: ByteImage) => number;
  readonly translateY: (image: ByteImage) => number;
  readonly rotate: number;
  readonly enhance: number;
  readonly posterize: number;
}

function operations(strengths: Strengths): readonly AugmentOperation[] {
  const { shear, rotate: degrees, enhance, posterize: bits } = strengths;
  const upTo = (most: number) => (bin: number) => linspace(0, most, bin);
  const enhanced = (adjust: typeof adjustContrast) => (image: ByteImage, m: number) => adjust(image, 1 + m);
  return [
    { name: "Identity", apply: (image) => image },
    { name: "ShearX", apply: shearX, magnitude: upTo(shear), signed: true },
    { name: "ShearY", apply: shearY, magnitude: upTo(shear), signed: true },
    {
      name: "TranslateX",
      apply: (image, m) => translate(image, 0, Math.trunc(m)),
      magnitude: (bin, image) => linspace(0, strengths.translateX(image), bin),
      signed: true,
    },
    {
      name: "TranslateY",
      apply: (image, m) => translate(image, Math.trunc(m), 0),
      magnitude: (bin, image) => linspace(0, strengths.translateY(image), bin),
      signed: true,
    },
    { name: "Rotate", apply: rotate, magnitude: upTo(degrees), signed: true },
    { name: "Brightness", apply: enhanced(adjustBrightness), magnitude: upTo(enhance), signed: true },
    { name: "Color", apply: enhanced(adjustSaturation), magnitude: upTo(enhance), signed: true },
    { name: "Contrast", apply: enhanced(adjustContrast), magnitude: upTo(enhance), signed: true },
    { name: "Sharpness", apply: enhanced(adjustSharpness), magnitude: upTo(enhance), signed: true },
    { name: "Posterize", apply: posterize, magnitude: (bin) => 8 - halfToEven(Math.fround(bin / ((BINS - 1) / bits))) },
    { name: "Solarize", apply: solarize, magnitude: (bin) => linspace(255, 0, bin) },
    { name: "AutoContrast", apply: autoContrast },
    { name: "Equalize", apply: equalize },
  ];
}

/** Of the paper's ImageNet setting, whose images have 331 pixels: 150 of them. */
const TRANSLATED_SHARE = 150 / 331;

/** torchvision's operations of RandAugment. @see Cubuk et al. 2020. https://arxiv.org/abs/1909.13719 */
export const RAND_AUGMENT = operations({
  shear: 0.3,
  translateX: ({ width }) => TRANSLATED_SHARE * width,
  translateY: ({ height }) => TRANSLATED_SHARE * height,
  rotate: 30,
  enhance: 0.9,
  posterize: 4,
});

/** torchvision's operations of TrivialAugmentWide. @see Müller and Hutter 2021. https://arxiv.org/abs/2103.10158 */
export const TRIVIAL_AUGMENT = operations({
  shear: 0.99,
  translateX: () => 32,
  translateY: () => 32,
  rotate: 135,
  enhance: 0.99,
  posterize: 6,
});

/** Applies one of the operations, at the magnitude of this number, or at any. */
export function applyAny(
  set: readonly AugmentOperation[],
  image: ByteImage,
  random: RandomGenerator,
  bin?: number,
): ByteImage {
  const { apply, magnitude, signed } = set[uniformInt(random, 0, set.length - 1)]!;
  if (!magnitude) return apply(image, 0);
  const amount = magnitude(bin ?? uniformInt(random, 0, BINS - 1), image);
  return apply(image, signed && uniformInt(random, 0, 1) === 1 ? -amount : amount);
}

/** torch.linspace in float32: from both ends, so that they are exact. */
function linspace(start: number, end: number, bin: number): number {
  const { fround } = Math;
  const [first, last] = [fround(start), fround(end)];
  const step = fround(fround(last - first) / (BINS - 1));
  return bin < BINS >> 1 ? fround(first + step * bin) : fround(last - step * (BINS - 1 - bin));
}

/** To the nearest whole number, halves to the even one. */
function halfToEven(x: number): number {
  const floor = Math.floor(x);
  return x - floor === 0.5 ? floor + (floor % 2) : Math.round(x);
}
