import { RepvggError } from "@repvgg/core";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { ImageBatch, Transform } from "./transform.ts";

export interface ShiftOptions {
  /** The largest shift, in pixels. */
  maxPixels: number;
  /** What comes in at the edges, in the unit of the pixels (before `normalize`: 0 is black). @default 0 */
  fill?: number;
}

/**
 * Moves each image by its own (dy, dx), both drawn from -maxPixels to maxPixels, all equally likely.
 *
 * @throws {RepvggError} `E_DATA`: `maxPixels` is not a whole number of at least 0, or not smaller than the images.
 */
export function shift({ maxPixels, fill = 0 }: ShiftOptions): Transform {
  if (!Number.isInteger(maxPixels) || maxPixels < 0) {
    throw new RepvggError("E_DATA", `shift's maxPixels must be a whole number, 0 or more, got ${maxPixels}.`);
  }
  return (batch, { random }) => {
    const [n, height, width, channels] = batch.shape;
    if (maxPixels >= Math.min(height, width)) {
      throw new RepvggError(
        "E_DATA",
        `A shift of up to ${maxPixels} pixels could push images of ${height}×${width} out of sight.`,
      );
    }
    const data =
      batch.data instanceof Uint8Array ? new Uint8Array(batch.data.length) : new Float32Array(batch.data.length);
    const pixels = height * width * channels;
    for (let k = 0; k < n; k++) {
      const generator = random(k);
      const dy = uniformInt(generator, -maxPixels, maxPixels);
      const dx = uniformInt(generator, -maxPixels, maxPixels);
      shiftOne(batch.data.subarray(k * pixels, (k + 1) * pixels), data.subarray(k * pixels, (k + 1) * pixels), {
        shape: [height, width, channels],
        dy,
        dx,
        fill,
      });
    }
    return { shape: batch.shape, data };
  };
}

interface Move {
  shape: readonly [height: number, width: number, channels: number];
  dy: number;
  dx: number;
  fill: number;
}

/** Moves an image as one flat array, then blanks what came in from the row before or after. */
function shiftOne(from: ImageBatch["data"], to: ImageBatch["data"], { shape, dy, dx, fill }: Move): void {
  const [height, width, channels] = shape;
  const row = width * channels;
  const offset = dy * row + dx * channels;
  if (offset >= 0) to.set(from.subarray(0, from.length - offset), offset);
  else to.set(from.subarray(-offset), 0);
  if (dy > 0) to.fill(fill, 0, dy * row);
  if (dy < 0) to.fill(fill, (height + dy) * row);
  if (dx === 0) return;
  const first = dx > 0 ? 0 : (width + dx) * channels;
  const count = Math.abs(dx) * channels;
  for (let y = 0; y < height; y++) {
    const start = y * row + first;
    for (let x = 0; x < count; x++) to[start + x] = fill; // a call of fill() costs more than these few pixels
  }
}
