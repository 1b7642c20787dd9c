import type { RandomGenerator } from "pure-rand/types/RandomGenerator";
import type { Box, Size } from "./byte-image.ts";
import type { ImageStep, ResizeAndCrop } from "./image-steps.ts";
import { randomResizedCropBox } from "./random-box.ts";
import { windowOf } from "./resize-and-crop.ts";

/** No filter reaches further, in pixels of the smaller of the two images; and one more for rounding. */
const REACH = 4;

/**
 * The part of an image that the first of the steps looks at: a decoder can leave out the rest.
 *
 * @param random A generator as the steps will have, of its own.
 */
export function neededPart(size: Size, [step]: readonly ImageStep[], random: RandomGenerator): Box {
  if (step?.kind === "resizeAndCrop") return beforeResize(size, step);
  if (step?.kind === "randomResizedCrop") return randomResizedCropBox(size, step, random);
  return { top: 0, left: 0, height: size[0], width: size[1] };
}

function beforeResize(size: Size, step: Pick<ResizeAndCrop, "size" | "resize">): Box {
  const { scaled, window } = windowOf({ height: size[0], width: size[1] }, step);
  const [top, bottom] = span(size[0], scaled[0], window.top, window.height);
  const [left, right] = span(size[1], scaled[1], window.left, window.width);
  return { top, left, height: bottom - top, width: right - left };
}

/** The pixels of a line that a part of its resized form is made of, and a few more. */
function span(inSize: number, outSize: number, start: number, length: number): [first: number, end: number] {
  const scale = inSize / outSize;
  const reach = REACH * Math.max(scale, 1);
  const first = Math.max(0, Math.floor(start * scale - reach));
  return [Math.min(first, inSize - 1), Math.min(inSize, Math.ceil((start + length) * scale + reach))];
}
