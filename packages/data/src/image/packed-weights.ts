import type { ResampleWeights } from "./resample-weights.ts";

/** Weights in the order in which ../../assembly/resample.ts reads them: each in two halves of 16 bits, 4096 · high + low. */
export interface PackedWeights {
  /** Where the first pixel of each sum begins: rows in bytes from the row's first, columns in lines. */
  readonly starts: Int32Array;
  /** Pixels of each sum. */
  readonly counts: Int32Array;
  readonly bytes: Uint8Array;
  /** Of each sum: groups of 4 pixels in rows, pairs in columns. */
  readonly units: number;
  /** Lines that any sum needs: the first, and the one after the last. */
  readonly span: readonly [first: number, end: number];
  /** Bytes that are read, and weighted by 0, beyond the last pixel at most. */
  readonly overrun: number;
}

const LOW_BITS = 12;
const PAIRS_OF_GROUP = 2;
const BYTES_READ_AT_ONCE = 16;

/** For sums along a row of pixels of `channels` bytes. */
export function packForRows(weights: ResampleWeights, channels: number): PackedWeights {
  const groups = Math.ceil(largest(weights.counts) / (2 * PAIRS_OF_GROUP));
  return {
    ...packPairs(weights, groups * PAIRS_OF_GROUP),
    starts: weights.starts.map((start) => start * channels),
    units: groups,
    overrun: groups * 2 * PAIRS_OF_GROUP * channels + BYTES_READ_AT_ONCE,
  };
}

/** For sums down the columns. */
export function packForColumns(weights: ResampleWeights): PackedWeights {
  const pairs = Math.ceil(largest(weights.counts) / 2);
  return { ...packPairs(weights, pairs), units: pairs };
}

/** Two low halves, then two high ones; zeros fill up to `pairs`. */
function packPairs({ starts, counts, weights, taps }: ResampleWeights, pairs: number) {
  const halves = new Int16Array(starts.length * pairs * 4);
  for (let i = 0; i < starts.length; i++) {
    for (let k = 0; k < counts[i]!; k++) {
      const weight = weights[i * taps + k]!;
      const at = (i * pairs + (k >> 1)) * 4 + (k & 1);
      halves[at] = weight & ((1 << LOW_BITS) - 1);
      halves[at + 2] = weight >> LOW_BITS;
    }
  }
  const end = starts.reduce((most, start, i) => Math.max(most, start + counts[i]!), 0);
  const span = [Math.min(...starts), end] as const;
  return { starts, counts, bytes: new Uint8Array(halves.buffer), span, overrun: 0 };
}

const largest = (values: Int32Array) => values.reduce((a, b) => Math.max(a, b), 0);
