import type { ByteImage } from "./byte-image.ts";

/** An image with slopes, edges and texture, the same as fixtures/make_operations.py makes. */
export function testImage(height: number, width: number, channels: 1 | 3): ByteImage {
  const data = new Uint8Array(height * width * channels);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        const value = Math.floor((x * x * 3 + y * y * 5 + x * y * (c + 1) * 7) / 16) + c * 40 + x * 2;
        const tile = Math.floor(x / 7) + Math.floor(y / 5);
        data[at++] = tile % 3 === 0 ? (value % 97) + c * 53 : value;
      }
    }
  }
  return { height, width, channels, data };
}
