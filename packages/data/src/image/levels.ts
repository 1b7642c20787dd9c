import { type ByteImage, blankLike } from "./byte-image.ts";

/** What becomes of each byte, by channel. */
type Levels = (channel: number) => ArrayLike<number>;

/** Keeps the upper `bits` bits of every byte. */
export function posterize(image: ByteImage, bits: number): ByteImage {
  const mask = ~(2 ** (8 - bits) - 1);
  return mapLevels(image, (level) => level & mask);
}

/** Inverts all bytes of `threshold` or more. */
export function solarize(image: ByteImage, threshold: number): ByteImage {
  return mapLevels(image, (level) => (level < threshold ? level : 255 - level));
}

/** Stretches each channel so that its darkest byte becomes 0 and its brightest 255. */
export function autoContrast(image: ByteImage): ByteImage {
  return lookUpLevels(image, (channel) => {
    const counts = histogram(image, channel);
    const low = counts.findIndex((count) => count > 0);
    const high = counts.findLastIndex((count) => count > 0);
    if (high <= low) return IDENTITY;
    const scale = 255 / (high - low);
    const offset = -low * scale;
    return IDENTITY.map((level) => Math.max(0, Math.min(255, Math.trunc(level * scale + offset))));
  });
}

/** Spreads each channel's levels so that about as many pixels lie in each part of the range; Pillow's `equalize`. */
export function equalize(image: ByteImage): ByteImage {
  return lookUpLevels(image, (channel) => {
    const counts = histogram(image, channel);
    const last = counts.findLast((count) => count > 0) ?? 0;
    const step = Math.floor((counts.reduce((sum, count) => sum + count, 0) - last) / 255);
    if (step === 0) return IDENTITY;
    let sum = Math.floor(step / 2);
    return counts.map((count) => {
      const level = Math.min(255, Math.floor(sum / step));
      sum += count;
      return level;
    });
  });
}

/** The negative. */
export function invert(image: ByteImage): ByteImage {
  return mapLevels(image, (level) => 255 - level);
}

const IDENTITY = Array.from({ length: 256 }, (_, level) => level);

function mapLevels(image: ByteImage, map: (level: number) => number): ByteImage {
  const levels = IDENTITY.map(map);
  return lookUpLevels(image, () => levels);
}

function lookUpLevels(image: ByteImage, levelsOf: Levels): ByteImage {
  const { channels, data } = image;
  const result = blankLike(image);
  for (let c = 0; c < channels; c++) {
    const levels = levelsOf(c);
    for (let i = c; i < data.length; i += channels) result.data[i] = levels[data[i]!]!;
  }
  return result;
}

function histogram({ channels, data }: ByteImage, channel: number): number[] {
  const counts = new Array<number>(256).fill(0);
  for (let i = channel; i < data.length; i += channels) counts[data[i]!]!++;
  return counts;
}
