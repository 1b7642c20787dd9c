// Pillow's resampling of 8-bit images: each pixel of the result is a sum of pixels, weighted in fixed point with 22 bits after
// the point, rounded and clipped. A weight w is kept as two 16-bit halves, w = 4096 · high + low, so that one instruction
// multiplies and adds two pixels; all sums are modulo 2³², where they are exact.

/** Weights of 4 pixels: low halves of 0 and 1, high halves of 0 and 1, then those of 2 and 3; 16 bits each. */
const GROUP_BYTES: i32 = 16;
const PIXEL_BYTES: i32 = 3;
const ROUNDING: i32 = 1 << 21;
const FRACTION_BITS: i32 = 22;
const LOW_BITS: i32 = 12;

/** Channels of two pixels beside each other, as 16-bit pairs: r0 r1 g0 g1 b0 b1. */
function pair01(pixels: v128): v128 {
  return v128.shuffle<i8>(pixels, i32x4.splat(0), 0, 16, 3, 16, 1, 16, 4, 16, 2, 16, 5, 16, 16, 16, 16, 16);
}

function pair23(pixels: v128): v128 {
  return v128.shuffle<i8>(pixels, i32x4.splat(0), 6, 16, 9, 16, 7, 16, 10, 16, 8, 16, 11, 16, 16, 16, 16, 16);
}

function weighted(pairs: v128, weights: usize, offset: usize): v128 {
  return i32x4.dot_i16x8_s(pairs, v128.load_splat<i32>(weights + offset));
}

/** Rounds sums of low and high halves to whole numbers. */
function rounded(low: v128, high: v128): v128 {
  return i32x4.shr_s(i32x4.add(i32x4.add(low, i32x4.splat(ROUNDING)), i32x4.shl(high, LOW_BITS)), FRACTION_BITS);
}

/**
 * Rows of RGB pixels to rows of `columns` pixels. Reads up to 13 bytes beyond the last pixel of a row and writes 1 beyond.
 *
 * @param starts Of each column: the byte in the row where its first pixel begins.
 * @param weights Of each column: `groups` groups.
 */
export function resampleRows(
  source: usize,
  sourceStride: i32,
  target: usize,
  targetStride: i32,
  rows: i32,
  columns: i32,
  starts: usize,
  weights: usize,
  groups: i32,
): void {
  const zero = i32x4.splat(0);
  for (let y = 0; y < rows; y++) {
    let weight = weights;
    let out = target;
    for (let x = 0; x < columns; x++) {
      let from = source + load<i32>(starts + (x << 2));
      let low = zero;
      let high = zero;
      const end = weight + groups * GROUP_BYTES;
      do {
        const pixels = v128.load(from);
        const first = pair01(pixels);
        const second = pair23(pixels);
        low = i32x4.add(low, i32x4.add(weighted(first, weight, 0), weighted(second, weight, 8)));
        high = i32x4.add(high, i32x4.add(weighted(first, weight, 4), weighted(second, weight, 12)));
        from += 4 * PIXEL_BYTES;
        weight += GROUP_BYTES;
      } while (weight < end);
      const words = i16x8.narrow_i32x4_s(rounded(low, high), zero);
      v128.store_lane<i32>(out, i8x16.narrow_i16x8_u(words, words), 0);
      out += PIXEL_BYTES;
    }
    source += sourceStride;
    target += targetStride;
  }
}

/** The same for pixels of one channel. Reads up to 3 bytes beyond a row. */
export function resampleGreyRows(
  source: usize,
  sourceStride: i32,
  target: usize,
  targetStride: i32,
  rows: i32,
  columns: i32,
  starts: usize,
  weights: usize,
  groups: i32,
): void {
  for (let y = 0; y < rows; y++) {
    let weight = weights;
    for (let x = 0; x < columns; x++) {
      let from = source + load<i32>(starts + (x << 2));
      let low = ROUNDING;
      let high = 0;
      const end = weight + groups * GROUP_BYTES;
      do {
        for (let pair = 0; pair < 2; pair++) {
          const first = <i32>load<u8>(from);
          const second = <i32>load<u8>(from, 1);
          low += first * <i32>load<i16>(weight) + second * <i32>load<i16>(weight, 2);
          high += first * <i32>load<i16>(weight, 4) + second * <i32>load<i16>(weight, 6);
          from += 2;
          weight += GROUP_BYTES / 2;
        }
      } while (weight < end);
      const value = (low + (high << LOW_BITS)) >> FRACTION_BITS;
      store<u8>(target + x, max(0, min(255, value)));
    }
    source += sourceStride;
    target += targetStride;
  }
}

/**
 * Rows of bytes to one row: every byte the weighted sum of those above and below it. Works on 16 bytes at a time, and so reads
 * and writes up to 15 bytes beyond the row.
 *
 * @param weights `pairs` of a low and a high pair of halves, 8 bytes each.
 */
export function resampleColumns(
  source: usize,
  stride: i32,
  target: usize,
  bytes: i32,
  weights: usize,
  pairs: i32,
): void {
  const zero = i32x4.splat(0);
  const end = weights + (pairs << 3);
  for (let x = 0; x < bytes; x += 16) {
    let from = source + x;
    let low0 = zero,
      low1 = zero,
      low2 = zero,
      low3 = zero;
    let high0 = zero,
      high1 = zero,
      high2 = zero,
      high3 = zero;
    let weight = weights;
    do {
      const upper = v128.load(from);
      const lower = v128.load(from + stride);
      const left = v128.shuffle<i8>(upper, lower, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      const right = v128.shuffle<i8>(upper, lower, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
      const pairs0 = i16x8.extend_low_i8x16_u(left);
      const pairs1 = i16x8.extend_high_i8x16_u(left);
      const pairs2 = i16x8.extend_low_i8x16_u(right);
      const pairs3 = i16x8.extend_high_i8x16_u(right);
      const low = v128.load_splat<i32>(weight);
      const high = v128.load_splat<i32>(weight, 4);
      low0 = i32x4.add(low0, i32x4.dot_i16x8_s(pairs0, low));
      low1 = i32x4.add(low1, i32x4.dot_i16x8_s(pairs1, low));
      low2 = i32x4.add(low2, i32x4.dot_i16x8_s(pairs2, low));
      low3 = i32x4.add(low3, i32x4.dot_i16x8_s(pairs3, low));
      high0 = i32x4.add(high0, i32x4.dot_i16x8_s(pairs0, high));
      high1 = i32x4.add(high1, i32x4.dot_i16x8_s(pairs1, high));
      high2 = i32x4.add(high2, i32x4.dot_i16x8_s(pairs2, high));
      high3 = i32x4.add(high3, i32x4.dot_i16x8_s(pairs3, high));
      from += stride << 1;
      weight += 8;
    } while (weight < end);
    const words01 = i16x8.narrow_i32x4_s(rounded(low0, high0), rounded(low1, high1));
    const words23 = i16x8.narrow_i32x4_s(rounded(low2, high2), rounded(low3, high3));
    v128.store(target + x, i8x16.narrow_i16x8_u(words01, words23));
  }
}
