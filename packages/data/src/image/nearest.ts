import { type Box, type ByteImage, blankLike, type Size } from "./byte-image.ts";

/**
 * Pillow's resizing by the nearest pixel.
 *
 * @param window The part of the result that is wanted.
 * @returns A new image of the window's size.
 */
export function nearest(image: ByteImage, [height, width]: Size, window: Box): ByteImage {
  const rows = places(image.height, height);
  const columns = places(image.width, width);
  const { channels, data } = image;
  const result = blankLike(image, [window.height, window.width]);
  let at = 0;
  for (let y = 0; y < window.height; y++) {
    const row = rows[window.top + y]! * image.width;
    for (let x = 0; x < window.width; x++) {
      const from = (row + columns[window.left + x]!) * channels;
      for (let c = 0; c < channels; c++) result.data[at++] = data[from + c]!;
    }
  }
  return result;
}

/** Which pixel each one of the result is. The step is added up, as Pillow does it: its rounding decides ties. */
function places(inSize: number, outSize: number): Int32Array {
  const step = inSize / outSize;
  const result = new Int32Array(outSize);
  for (let i = 0, place = step * 0.5; i < outSize; i++, place += step)
    result[i] = Math.min(inSize - 1, Math.trunc(place));
  return result;
}
