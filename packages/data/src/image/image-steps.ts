import { RepvggError } from "@repvgg/core";
import type { Size } from "./byte-image.ts";
import { INTERPOLATIONS, type Interpolation } from "./resample-weights.ts";

type Range = readonly [low: number, high: number];

/** torchvision's Resize of the shorter side, unless `resize` is null, and CenterCrop. */
export interface ResizeAndCrop {
  readonly kind: "resizeAndCrop";
  readonly size: Size;
  readonly resize: number | null;
  readonly interpolation: Interpolation;
}

/** torchvision's RandomResizedCrop: a part of a random area and aspect ratio, resized to `size`. */
export interface RandomResizedCrop {
  readonly kind: "randomResizedCrop";
  readonly size: Size;
  /** Share of the image's area. */
  readonly scale: Range;
  /** Width over height. */
  readonly ratio: Range;
  readonly interpolation: Interpolation;
}

/** torchvision's RandomCrop: `size` out of the image with a border of `padding` pixels of the value `fill`. */
export interface RandomCrop {
  readonly kind: "randomCrop";
  readonly size: Size;
  readonly padding: number;
  readonly fill: number;
}

export interface RandomHorizontalFlip {
  readonly kind: "randomHorizontalFlip";
  readonly probability: number;
}

/** torchvision's ColorJitter, in random order; a range of [1, 1], or of [0, 0] for the hue, leaves an image as it is. */
export interface ColorJitter {
  readonly kind: "colorJitter";
  readonly brightness: Range;
  readonly contrast: Range;
  readonly saturation: Range;
  readonly hue: Range;
}

/** torchvision's RandAugment: `numOps` operations, each of any kind, at one magnitude of 0 to 30. */
export interface RandAugment {
  readonly kind: "randAugment";
  readonly numOps: number;
  readonly magnitude: number;
}

/** torchvision's TrivialAugmentWide: one operation of any kind, at any magnitude. */
export interface TrivialAugment {
  readonly kind: "trivialAugment";
}

/** One step on a decoded image, as data: it can be kept in a file, and sent to a thread. */
export type ImageStep =
  | ResizeAndCrop
  | RandomResizedCrop
  | RandomCrop
  | RandomHorizontalFlip
  | ColorJitter
  | RandAugment
  | TrivialAugment;

type Options<Step> = Partial<Omit<Step, "kind" | "size">>;
/** Height and width; one number is both. */
type Sized = { size: number | Size };

/** @throws {RepvggError} `E_DATA`: an option is out of range; so do the following. */
export function resizeAndCropStep({
  size,
  resize = null,
  interpolation = "bilinear",
}: Options<ResizeAndCrop> & Sized): ResizeAndCrop {
  check(resize === null || isCount(resize), "resize", "a whole number of 1 or more, or null", resize);
  return { kind: "resizeAndCrop", size: sizeOf(size), resize, interpolation: checkInterpolation(interpolation) };
}

export function randomResizedCrop({
  size,
  scale = [0.08, 1],
  ratio = [3 / 4, 4 / 3],
  interpolation = "bilinear",
}: Options<RandomResizedCrop> & Sized): RandomResizedCrop {
  checkRange("scale", scale, 0, 1);
  checkRange("ratio", ratio, 0, Number.POSITIVE_INFINITY);
  check(scale[1] > 0 && ratio[0] > 0, "scale and ratio", "above 0", [scale, ratio]);
  const own = { size: sizeOf(size), scale, ratio, interpolation: checkInterpolation(interpolation) };
  return { kind: "randomResizedCrop", ...own };
}

export function randomCrop({ size, padding = 0, fill = 0 }: Options<RandomCrop> & Sized): RandomCrop {
  check(Number.isInteger(padding) && padding >= 0, "padding", "a whole number, 0 or more", padding);
  check(Number.isInteger(fill) && fill >= 0 && fill <= 255, "fill", "a byte", fill);
  return { kind: "randomCrop", size: sizeOf(size), padding, fill };
}

export function randomHorizontalFlip({ probability = 0.5 }: Options<RandomHorizontalFlip> = {}): RandomHorizontalFlip {
  check(probability >= 0 && probability <= 1, "probability", "in [0, 1]", probability);
  return { kind: "randomHorizontalFlip", probability };
}

/** @param options `brightness`, `contrast` and `saturation` s draw factors of [max(0, 1 − s), 1 + s], `hue` h ≤ 0.5 turns by [−h, h]. */
export function colorJitter(
  options: { brightness?: number; contrast?: number; saturation?: number; hue?: number } = {},
): ColorJitter {
  const { brightness = 0, contrast = 0, saturation = 0, hue = 0 } = options;
  const factors = (name: string, strength: number): Range => {
    check(Number.isFinite(strength) && strength >= 0, name, "a number, 0 or more", strength);
    return [Math.max(0, 1 - strength), 1 + strength];
  };
  check(hue >= 0 && hue <= 0.5, "hue", "in [0, 0.5]", hue);
  return {
    kind: "colorJitter",
    brightness: factors("brightness", brightness),
    contrast: factors("contrast", contrast),
    saturation: factors("saturation", saturation),
    hue: [-hue, hue],
  };
}

export function randAugment({ numOps = 2, magnitude = 9 }: Options<RandAugment> = {}): RandAugment {
  check(isCount(numOps), "numOps", "a whole number, 1 or more", numOps);
  check(Number.isInteger(magnitude) && magnitude >= 0 && magnitude <= 30, "magnitude", "0 to 30", magnitude);
  return { kind: "randAugment", numOps, magnitude };
}

export function trivialAugment(): TrivialAugment {
  return { kind: "trivialAugment" };
}

/** How many steps at the beginning give the same for the same image: what a cache may keep the result of. */
export function fixedSteps(steps: readonly ImageStep[]): number {
  const random = steps.findIndex(({ kind }) => kind !== "resizeAndCrop");
  return random < 0 ? steps.length : random;
}

/** The size of what the steps give, whatever they are given; undefined where it depends. */
export function outputSize(steps: readonly ImageStep[]): Size | undefined {
  return steps.findLast((step): step is Extract<ImageStep, { size: Size }> => "size" in step)?.size;
}

const isCount = (n: unknown): n is number => Number.isInteger(n) && (n as number) >= 1;

function sizeOf(size: number | Size): Size {
  const both: Size = typeof size === "number" ? [size, size] : size;
  check(both.length === 2 && both.every(isCount), "size", "one or two whole numbers of 1 or more", size);
  return both;
}

function checkInterpolation(interpolation: Interpolation): Interpolation {
  check(INTERPOLATIONS.includes(interpolation), "interpolation", `one of ${INTERPOLATIONS.join(", ")}`, interpolation);
  return interpolation;
}

function checkRange(name: string, [low, high]: Range, least: number, most: number): void {
  check(low >= least && high <= most && low <= high, name, `two numbers in [${least}, ${most}], the lower first`, [
    low,
    high,
  ]);
}

function check(isValid: boolean, name: string, expected: string, got: unknown): void {
  if (!isValid) throw new RepvggError("E_DATA", `${name} must be ${expected}, got ${JSON.stringify(got)}.`);
}
