import { RepvggError } from "@repvgg/core";

/** An image of bytes: grey (1 channel) or RGB (3). */
export interface ByteImage {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  /** `height × width × channels` bytes in HWC order. */
  readonly data: Uint8Array;
}

export type Size = readonly [height: number, width: number];

/** A part of an image, in pixels. */
export interface Box {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** An image of zeros like another one, or of another size. */
export function blankLike({ channels, ...image }: ByteImage, [height, width]: Size = [image.height, image.width]) {
  return { height, width, channels, data: new Uint8Array(height * width * channels) } satisfies ByteImage;
}

/**
 * A part of an image; what lies outside of the image is `fill`, as in Pillow's crop.
 *
 * @returns A new image.
 */
export function crop(image: ByteImage, { top, left, height, width }: Box, fill = 0): ByteImage {
  const { channels, data } = image;
  const part = blankLike(image, [height, width]);
  if (fill !== 0) part.data.fill(fill);
  const first = Math.max(left, 0);
  const end = Math.min(left + width, image.width);
  if (first >= end) return part;
  for (let y = Math.max(top, 0); y < Math.min(top + height, image.height); y++) {
    const row = y * image.width;
    part.data.set(
      data.subarray((row + first) * channels, (row + end) * channels),
      ((y - top) * width + first - left) * channels,
    );
  }
  return part;
}

/** @throws {RepvggError} `E_DATA`: it is not a height and a width of 1 or more. */
export function checkSize(size: readonly number[], what: string): asserts size is Size {
  if (size.length === 2 && size.every((n) => Number.isInteger(n) && n >= 1)) return;
  throw new RepvggError("E_DATA", `${what} must be a height and a width of 1 or more, got ${size.join("×")}.`);
}
