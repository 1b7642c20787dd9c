import type { Images } from "@repvgg/core";
import type { Preprocessing } from "@repvgg/data";
import { encodePng } from "@repvgg/report/node";

/** Longest side of a thumbnail, in pixels. */
const LONGEST = 112;

/** A small image for people. */
export interface Thumbnail {
  readonly png: Uint8Array;
  readonly size: readonly [height: number, width: number];
}

/**
 * One image of a network's input as it looked before normalisation, at most 112 pixels wide and high. Each pixel is the mean of
 * those that it stands for.
 *
 * @param images `[N, H, W, C]`, normalised.
 */
export function thumbnailOf(
  images: Images,
  row: number,
  { mean, std }: Pick<Preprocessing, "mean" | "std">,
): Thumbnail {
  const [, height, width, channels] = images.shape;
  const scale = Math.max(1, Math.max(height, width) / LONGEST);
  const size = [Math.max(1, Math.round(height / scale)), Math.max(1, Math.round(width / scale))] as const;
  const shown = channels === 3 ? 3 : 1; // of other numbers of channels the first is shown
  const pixels = new Uint8ClampedArray(size[0] * size[1] * shown);
  const start = row * height * width * channels;
  for (let y = 0; y < size[0]; y++) {
    const rows = covered(y, size[0], height);
    for (let x = 0; x < size[1]; x++) {
      const columns = covered(x, size[1], width);
      for (let c = 0; c < shown; c++) {
        const value = meanOver(images.data, { start: start + c, rows, columns, width, channels });
        pixels[(y * size[1] + x) * shown + c] = 255 * (value * (std[c] ?? std[0]!) + (mean[c] ?? mean[0]!));
      }
    }
  }
  return { png: encodePng(pixels, [...size, shown]), size };
}

/** The pixels of `length` that pixel `i` of `shown` stands for: from, to. */
function covered(i: number, shown: number, length: number): readonly [from: number, to: number] {
  const from = Math.floor((i * length) / shown);
  return [from, Math.max(from + 1, Math.floor(((i + 1) * length) / shown))];
}

interface Area {
  /** Where the image's values of the channel begin. */
  readonly start: number;
  readonly rows: readonly [from: number, to: number];
  readonly columns: readonly [from: number, to: number];
  readonly width: number;
  readonly channels: number;
}

function meanOver(data: ArrayLike<number>, { start, rows, columns, width, channels }: Area): number {
  let sum = 0;
  for (let y = rows[0]; y < rows[1]; y++) {
    for (let x = columns[0]; x < columns[1]; x++) sum += data[start + (y * width + x) * channels]!;
  }
  return sum / ((rows[1] - rows[0]) * (columns[1] - columns[0]));
}
