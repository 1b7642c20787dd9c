import { type ByteImage, blankLike } from "./byte-image.ts";

/** Pillow's ImageEnhance: factor 0 gives an image without the property, 1 the image itself, more than 1 exaggerates. */
export type Enhance = (image: ByteImage, factor: number) => ByteImage;

/** Towards black. */
export const adjustBrightness: Enhance = (image, factor) => blendWith(image, () => 0, factor);

/** Towards the mean of the image's grey, everywhere. */
export const adjustContrast: Enhance = (image, factor) => {
  const grey = toGrey(image).data;
  const mean = Math.trunc(grey.reduce((sum, value) => sum + value, 0) / grey.length + 0.5);
  return blendWith(image, () => mean, factor);
};

/** Towards grey. */
export const adjustSaturation: Enhance = (image, factor) => {
  const { data: grey } = toGrey(image);
  const { channels } = image;
  return blendWith(image, channels === 1 ? (i) => grey[i]! : (i) => grey[Math.trunc(i / 3)]!, factor);
};

/** Towards a smoothed image. */
export const adjustSharpness: Enhance = (image, factor) => {
  const { data } = smooth(image);
  return blendWith(image, (i) => data[i]!, factor);
};

/** Pillow's conversion to grey by ITU-R 601-2, in fixed point; a grey image is returned as it is. */
export function toGrey(image: ByteImage): ByteImage {
  const { height, width, channels, data } = image;
  if (channels === 1) return image;
  const grey = new Uint8Array(height * width);
  for (let i = 0, at = 0; i < grey.length; i++, at += 3) {
    grey[i] = (data[at]! * 19595 + data[at + 1]! * 38470 + data[at + 2]! * 7471 + 0x8000) >> 16;
  }
  return { height, width, channels: 1, data: grey };
}

/** `other + factor · (image − other)` in float32, clipped and cut to whole numbers. */
function blendWith(image: ByteImage, other: (i: number) => number, factor: number): ByteImage {
  const alpha = Math.fround(factor);
  if (alpha === 1) return image;
  const { data } = image;
  const result = blankLike(image);
  for (let i = 0; i < data.length; i++) {
    const from = other(i);
    const value = Math.fround(from + Math.fround(alpha * (data[i]! - from)));
    result.data[i] = Math.max(0, Math.min(255, value));
  }
  return result;
}

/** Pillow's SMOOTH filter, 1 1 1, 1 5 1, 1 1 1 over 13, in float32; the pixels at the edges stay. */
function smooth(image: ByteImage): ByteImage {
  const { height, width, channels, data } = image;
  const result: ByteImage = { ...image, data: new Uint8Array(data) }; // Not by slice: that of a Buffer is no copy.
  const [edge, centre] = [Math.fround(1 / 13), Math.fround(5 / 13)];
  const row = width * channels;
  const { fround } = Math;
  const sumOf = (at: number, middle: number) =>
    fround(
      fround(fround(data[at - channels]! * edge) + fround(data[at]! * middle)) + fround(data[at + channels]! * edge),
    );
  for (let y = 1; y < height - 1; y++) {
    for (let i = y * row + channels; i < (y + 1) * row - channels; i++) {
      const sum = fround(fround(fround(0.5 + sumOf(i + row, edge)) + sumOf(i, centre)) + sumOf(i - row, edge));
      result.data[i] = sum; // positive and at most 255.5: the cut to a whole number is all the clipping there is
    }
  }
  return result;
}
