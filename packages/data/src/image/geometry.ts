import { type ByteImage, blankLike, crop } from "./byte-image.ts";

/** Where each pixel (x, y) of the result comes from: (a·x + b·y + c, d·x + e·y + f). */
export type AffineMatrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** The mirror image, left to right. */
export function flipHorizontally(image: ByteImage): ByteImage {
  const { height, width, channels, data } = image;
  const result = blankLike(image);
  let at = 0;
  for (let y = 0; y < height; y++) {
    for (let x = width - 1; x >= 0; x--) {
      const from = (y * width + x) * channels;
      for (let c = 0; c < channels; c++) result.data[at++] = data[from + c]!;
    }
  }
  return result;
}

/** Moves an image by whole pixels; black comes in. */
export function translate(image: ByteImage, dy: number, dx: number): ByteImage {
  return crop(image, { top: -dy, left: -dx, height: image.height, width: image.width });
}

/** Slants an image to the left by `slope` pixels a row, from the upper edge, as torchvision's ShearX does. */
export function shearX(image: ByteImage, slope: number): ByteImage {
  const slant = Math.tan(Math.atan(slope));
  return affine(image, [1, slant, 0, 0, 1, 0]);
}

/** Slants an image upwards by `slope` pixels a column, from the left edge, as torchvision's ShearY does. */
export function shearY(image: ByteImage, slope: number): ByteImage {
  const slant = Math.tan(Math.atan(slope));
  return affine(image, [1, 0, 0, slant, 1, 0]);
}

/** Turns an image around its centre, counterclockwise; black comes in at the corners. Pillow's `rotate`. */
export function rotate(image: ByteImage, degrees: number): ByteImage {
  const { height, width } = image;
  const angle = ((degrees % 360) + 360) % 360;
  if (angle === 0) return image;
  const radians = -(angle * Math.PI) / 180;
  const cos = Number(Math.cos(radians).toFixed(15));
  const sin = Number(Math.sin(radians).toFixed(15));
  const [x, y] = [width / 2, height / 2];
  return affine(image, [cos, sin, cos * -x + sin * -y + x, -sin, cos, -sin * -x + cos * -y + y]);
}

/** Pillow's affine transform by the nearest pixel, in fixed point with 16 bits; what comes from outside is black. */
export function affine(image: ByteImage, [a, b, c, d, e, f]: AffineMatrix): ByteImage {
  const { height, width, channels, data } = image;
  const result = blankLike(image);
  const fixed = (value: number) => Math.floor(value * 65536 + 0.5);
  let [rowX, rowY] = [fixed(c + a * 0.5 + b * 0.5), fixed(f + d * 0.5 + e * 0.5)];
  const [stepX, stepY, rowStepX, rowStepY] = [fixed(a), fixed(d), fixed(b), fixed(e)];
  for (let y = 0, at = 0; y < height; y++, rowX += rowStepX, rowY += rowStepY) {
    for (let x = 0, fromX = rowX, fromY = rowY; x < width; x++, at += channels, fromX += stepX, fromY += stepY) {
      const [column, row] = [fromX >> 16, fromY >> 16];
      if (column < 0 || column >= width || row < 0 || row >= height) continue;
      const from = (row * width + column) * channels;
      for (let k = 0; k < channels; k++) result.data[at + k] = data[from + k]!;
    }
  }
  return result;
}
