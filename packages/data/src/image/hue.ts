import { type ByteImage, blankLike } from "./byte-image.ts";

/**
 * Turns the hue of every pixel by a share of the full circle, as torchvision does it on Pillow's 8-bit HSV. Grey images stay.
 *
 * @param factor In [−0.5, 0.5].
 */
export function adjustHue(image: ByteImage, factor: number): ByteImage {
  if (image.channels === 1) return image;
  const turn = Math.trunc(factor * 255) & 255;
  const result = blankLike(image);
  const hsv: [number, number, number] = [0, 0, 0];
  for (let i = 0; i < image.data.length; i += 3) {
    toHsv(image.data, i, hsv);
    writeRgb(result.data, i, (hsv[0] + turn) & 255, hsv[1], hsv[2]);
  }
  return result;
}

const { fround } = Math;

/** Pillow's rgb2hsv: float32, except where C computes in double. */
function toHsv(data: Uint8Array, at: number, hsv: [number, number, number]): void {
  const [r, g, b] = [data[at]!, data[at + 1]!, data[at + 2]!];
  const most = Math.max(r, g, b);
  const range = most - Math.min(r, g, b);
  hsv[2] = most;
  if (range === 0) {
    hsv[0] = hsv[1] = 0;
    return;
  }
  const share = (value: number) => fround((most - value) / range);
  const sector =
    r === most
      ? fround(share(b) - share(g))
      : g === most
        ? fround(2 + share(r) - share(b))
        : fround(4 + share(g) - share(r));
  const turns = fround((sector / 6 + 1) % 1);
  hsv[0] = Math.trunc(turns * 255);
  hsv[1] = Math.trunc(fround(range / most) * 255);
}

/** Pillow's hsv2rgb. */
function writeRgb(data: Uint8Array, at: number, h: number, s: number, v: number): void {
  if (s === 0) {
    data.fill(v, at, at + 3);
    return;
  }
  const position = (h * 6) / 255;
  const sector = Math.floor(position);
  const rest = fround(position - sector);
  const saturation = fround(s / 255);
  const p = Math.round(fround(v * (1 - saturation)));
  const q = Math.round(fround(v * (1 - fround(saturation * rest))));
  const t = Math.round(fround(v * (1 - saturation * (1 - rest))));
  data.set(SECTORS[sector % 6]!(v, p, q, t), at);
}

type Channels = (v: number, p: number, q: number, t: number) => readonly [r: number, g: number, b: number];
const SECTORS: readonly Channels[] = [
  (v, p, _, t) => [v, t, p],
  (v, p, q) => [q, v, p],
  (v, p, _, t) => [p, v, t],
  (v, p, q) => [p, q, v],
  (v, p, _, t) => [t, p, v],
  (v, p, q) => [v, p, q],
];
