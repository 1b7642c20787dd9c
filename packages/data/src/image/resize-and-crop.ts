import { RepvggError } from "@repvgg/core";
import type { Preprocessing } from "../preprocessing.ts";
import { type Box, type ByteImage, crop, type Size } from "./byte-image.ts";
import type { Resampler } from "./resampler.ts";

/**
 * torchvision's Resize of the shorter side and CenterCrop, of which only the pixels that stay are computed.
 *
 * @param name Of the image, for messages.
 * @throws {RepvggError} `E_DATA`: the image is smaller than the part to be cut out.
 */
export function resizeAndCrop(
  resampler: Resampler,
  image: ByteImage,
  { size, resize, interpolation }: Pick<Preprocessing, "size" | "resize" | "interpolation">,
  name: string,
): ByteImage {
  const { scaled, window } = windowOf(image, { size, resize });
  if (scaled[0] < size[0] || scaled[1] < size[1]) {
    throw new RepvggError(
      "E_DATA",
      `${name} has ${scaled.join("×")} pixels, less than the network's ${size.join("×")}. Give a larger image, or a "resize".`,
    );
  }
  const same = scaled[0] === image.height && scaled[1] === image.width;
  return same ? crop(image, window) : resampler.resize(image, scaled, interpolation, window);
}

/** The size that an image is resized to, and the part of it that is cut out. */
export function windowOf(
  image: Pick<ByteImage, "height" | "width">,
  { size, resize }: Pick<Preprocessing, "size" | "resize">,
): { scaled: Size; window: Box } {
  const scaled = resize === null ? ([image.height, image.width] as const) : shorterSideTo(image, resize);
  const [top, left] = [halfToEven(scaled[0] - size[0]), halfToEven(scaled[1] - size[1])];
  return { scaled, window: { top, left, height: size[0], width: size[1] } };
}

/** The longer side is scaled alike and cut to whole pixels, as torchvision does it. */
function shorterSideTo({ height, width }: Pick<ByteImage, "height" | "width">, shorter: number): Size {
  return width <= height
    ? [Math.trunc((shorter * height) / width), shorter]
    : [shorter, Math.trunc((shorter * width) / height)];
}

/** Half of a whole number, rounded as Python's round() and so torchvision's CenterCrop does: 2.5 to 2, 3.5 to 4. */
function halfToEven(n: number): number {
  const half = Math.floor(n / 2);
  return n % 2 !== 0 && half % 2 !== 0 ? half + 1 : half;
}
