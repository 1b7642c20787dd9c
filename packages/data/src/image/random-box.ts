import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";
import { uniform } from "../distributions.ts";
import type { Box, Size } from "./byte-image.ts";

export interface BoxRanges {
  /** Share of the image's area. */
  readonly scale: readonly [number, number];
  /** Of the two sides; which over which, the caller says. */
  readonly ratio: readonly [number, number];
}

const ATTEMPTS = 10;

/**
 * A box inside an image: its area uniform, the logarithm of its aspect ratio uniform; torchvision's rule.
 *
 * @param fits Whether sides will do, given the image's. @default not larger
 * @returns undefined: none of 10 attempts fitted.
 */
export function randomBox(
  [height, width]: Size,
  { scale, ratio }: BoxRanges,
  random: RandomGenerator,
  fits: (side: number, whole: number) => boolean = (side, whole) => side > 0 && side <= whole,
): Box | undefined {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const area = height * width * uniform(random, ...scale);
    const aspect = Math.exp(uniform(random, Math.log(ratio[0]), Math.log(ratio[1])));
    const [w, h] = [Math.round(Math.sqrt(area * aspect)), Math.round(Math.sqrt(area / aspect))];
    if (!fits(w, width) || !fits(h, height)) continue;
    return { top: uniformInt(random, 0, height - h), left: uniformInt(random, 0, width - w), height: h, width: w };
  }
  return undefined;
}

/** The box of RandomResizedCrop: where none is found, the largest one in the centre whose ratio is allowed. */
export function randomResizedCropBox(size: Size, ranges: BoxRanges, random: RandomGenerator): Box {
  const found = randomBox(size, ranges, random);
  if (found) return found;
  const [height, width] = size;
  const [least, most] = ranges.ratio;
  let [h, w] = size;
  if (width / height < least) h = Math.round(width / least);
  else if (width / height > most) w = Math.round(height * most);
  return { top: Math.floor((height - h) / 2), left: Math.floor((width - w) / 2), height: h, width: w };
}
