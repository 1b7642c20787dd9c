export const INTERPOLATIONS = ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"] as const;

/** How the pixels around a place are weighted. `nearest` takes the one nearest, without a look at the others. */
export type Interpolation = (typeof INTERPOLATIONS)[number];

interface Filter {
  /** Beyond this distance the weight is 0. */
  readonly support: number;
  weight(distance: number): number;
}

const BICUBIC_A = -0.5;
/** Pillow has them in single precision. */
const [HAMMING_MEAN, HAMMING_WAVE] = [Math.fround(0.54), Math.fround(0.46)];

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** Pillow's filters, at their own scale. */
const FILTERS: Readonly<Record<Exclude<Interpolation, "nearest">, Filter>> = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: {
    support: 1,
    weight(x) {
      const distance = Math.abs(x);
      return distance >= 1 ? 0 : sinc(distance) * (HAMMING_MEAN + HAMMING_WAVE * Math.cos(Math.PI * distance));
    },
  },
  bicubic: {
    support: 2,
    weight(x) {
      const [a, d] = [BICUBIC_A, Math.abs(x)];
      if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
      return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** The sums that make a line of pixels from another. */
export interface ResampleWeights {
  /** Of each pixel of the result, the first one that counts. */
  readonly starts: Int32Array;
  /** Of each pixel of the result, how many count. */
  readonly counts: Int32Array;
  /** Of each pixel of the result, `taps` weights with 22 bits after the point; zeros after those that count. */
  readonly weights: Int32Array;
  readonly taps: number;
}

/** 8 bits are the pixel's, 2 are left for sums beyond 255. */
const FRACTION_BITS = 32 - 8 - 2;

/** A line of pixels and what becomes of it. */
export interface Line {
  readonly inSize: number;
  /** What the whole line becomes. */
  readonly outSize: number;
  /** The pixels of the result that are wanted. */
  readonly start: number;
  readonly length: number;
}

/**
 * Weights of Pillow's resampling of a line.
 *
 * When the line becomes shorter, the filter becomes as much wider, so that every pixel counts (antialiasing).
 */
export function resampleWeights(
  { inSize, outSize, start, length }: Line,
  interpolation: Exclude<Interpolation, "nearest">,
): ResampleWeights {
  const { support: ownSupport, weight } = FILTERS[interpolation];
  const scale = inSize / outSize;
  const filterScale = Math.max(scale, 1);
  const support = ownSupport * filterScale;
  const taps = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(length);
  const counts = new Int32Array(length);
  const weights = new Int32Array(length * taps);
  const line = new Float64Array(taps);
  for (let i = 0; i < length; i++) {
    const center = (start + i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const count = Math.min(inSize, Math.trunc(center + support + 0.5)) - first;
    let sum = 0;
    for (let k = 0; k < count; k++) sum += line[k] = weight((k + first - center + 0.5) * (1 / filterScale));
    starts[i] = first;
    counts[i] = count;
    for (let k = 0; k < count; k++) {
      const scaled = (sum === 0 ? line[k]! : line[k]! / sum) * 2 ** FRACTION_BITS;
      weights[i * taps + k] = Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
  }
  return { starts, counts, weights, taps };
}
