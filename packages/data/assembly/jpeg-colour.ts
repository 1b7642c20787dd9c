// libjpeg-turbo's triangle filter for chroma, and its fixed-point colour conversion.
import { COMPONENT_BYTES, PLANE, STRIDE } from "./jpeg-component";
import { high, low, pair } from "./lanes";

/** A row of chroma samples, or 3 times it and the row next to it, to words, with one more of the same at each end of the image. @param far 0: there is no second row. */
function chromaSums(near: usize, far: usize, target: usize, samples: i32, first: i32, end: i32): void {
  const three = i16x8.splat(3);
  for (let i = max(0, first - 8); i < end + 8; i += 8) {
    let sum = v128.load8x8_u(near + i);
    if (far !== 0) sum = i16x8.add(i16x8.mul(sum, three), v128.load8x8_u(far + i));
    v128.store(target + (i << 1), sum);
  }
  store<i16>(target - 2, load<i16>(target));
  store<i16>(target + (samples << 1), load<i16>(target + ((samples - 1) << 1)));
}

/** Twice as many samples across: each three quarters of its own and a quarter of the nearer neighbour. */
function widen(sums: usize, target: usize, first: i32, end: i32, evenHalf: i32, oddHalf: i32, shift: i32): void {
  const rounding = i16x8.splat(<i16>evenHalf);
  const roundingOdd = i16x8.splat(<i16>oddHalf);
  for (let i = first; i < end; i += 8) {
    const own = i16x8.mul(v128.load(sums + (i << 1)), i16x8.splat(3));
    const even = i16x8.add(i16x8.add(own, v128.load(sums + (i << 1) - 2)), rounding);
    const odd = i16x8.add(i16x8.add(own, v128.load(sums + (i << 1) + 2)), roundingOdd);
    v128.store(target + (i << 1), v128.or(i16x8.shr_u(even, shift), i16x8.shl(i16x8.shr_u(odd, shift), 8)));
  }
}

/** (a · chroma + 0.5) in 16 bits after the point, for 8 words. */
function weighted(chroma: v128, weights: v128): v128 {
  const two = i16x8.splat(2);
  return i16x8.narrow_i32x4_s(
    i32x4.shr_s(i32x4.dot_i16x8_s(low(chroma, two), weights), 16),
    i32x4.shr_s(i32x4.dot_i16x8_s(high(chroma, two), weights), 16),
  );
}

function greenOf(cb: v128, cr: v128): v128 {
  const weights = pair(-22554, 18734); // −0.34414, and 1 − 0.71414
  const half = i32x4.splat(32768);
  return i16x8.narrow_i32x4_s(
    i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(low(cb, cr), weights), half), 16),
    i32x4.shr_s(i32x4.add(i32x4.dot_i16x8_s(high(cb, cr), weights), half), 16),
  );
}

/** 16 pixels of three planes side by side: 48 bytes. */
function storeRgb(target: usize, r: v128, g: v128, b: v128): void {
  const t0 = v128.shuffle<i8>(r, g, 0, 16, 0, 1, 17, 0, 2, 18, 0, 3, 19, 0, 4, 20, 0, 5);
  const t1 = v128.shuffle<i8>(r, g, 21, 0, 6, 22, 0, 7, 23, 0, 8, 24, 0, 9, 25, 0, 10, 26);
  const t2 = v128.shuffle<i8>(r, g, 0, 11, 27, 0, 12, 28, 0, 13, 29, 0, 14, 30, 0, 15, 31, 0);
  v128.store(target, v128.shuffle<i8>(t0, b, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15));
  v128.store(target, v128.shuffle<i8>(t1, b, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15), 16);
  v128.store(target, v128.shuffle<i8>(t2, b, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14, 31), 32);
}

/** A row of pixels from luma and chroma of as many samples. */
function convertRow(luma: usize, blue: usize, red: usize, target: usize, first: i32, end: i32): void {
  const offset = i16x8.splat(128);
  const redWeights = pair(26345, 16384); // 1.402 − 1
  const blueWeights = pair(-14942, 16384); // 1.772 − 2
  for (let x = first; x < end; x += 16) {
    const y0 = v128.load8x8_u(luma + x);
    const y1 = v128.load8x8_u(luma + x, 8);
    const cb0 = i16x8.sub(v128.load8x8_u(blue + x), offset);
    const cb1 = i16x8.sub(v128.load8x8_u(blue + x, 8), offset);
    const cr0 = i16x8.sub(v128.load8x8_u(red + x), offset);
    const cr1 = i16x8.sub(v128.load8x8_u(red + x, 8), offset);
    const r0 = i16x8.add(i16x8.add(y0, cr0), weighted(cr0, redWeights));
    const r1 = i16x8.add(i16x8.add(y1, cr1), weighted(cr1, redWeights));
    const g0 = i16x8.add(i16x8.sub(y0, cr0), greenOf(cb0, cr0));
    const g1 = i16x8.add(i16x8.sub(y1, cr1), greenOf(cb1, cr1));
    const b0 = i16x8.add(i16x8.add(y0, i16x8.shl(cb0, 1)), weighted(cb0, blueWeights));
    const b1 = i16x8.add(i16x8.add(y1, i16x8.shl(cb1, 1)), weighted(cb1, blueWeights));
    const r = i8x16.narrow_i16x8_u(r0, r1);
    const g = i8x16.narrow_i16x8_u(g0, g1);
    storeRgb(target + x * 3, r, g, i8x16.narrow_i16x8_u(b0, b1));
  }
}

/** A row of chroma at the size of the luma. @returns Where it is: at `target`, or in its plane. */
function chromaRow(
  component: usize,
  y: i32,
  across: i32,
  down: i32,
  width: i32,
  height: i32,
  first: i32,
  end: i32,
  target: usize,
  sums: usize,
): usize {
  const plane = <usize>load<i32>(component + PLANE);
  const stride = load<i32>(component + STRIDE);
  if (across === 1) return plane + y * stride;
  const samples = (width + 1) >> 1;
  const firstSample = first >> 1;
  const endSample = min(samples, (end + 1) >> 1);
  const row = down === 1 ? y : y >> 1;
  const lastRow = down === 1 ? height - 1 : ((height + 1) >> 1) - 1;
  const other = max(0, min(lastRow, (y & 1) === 0 ? row - 1 : row + 1));
  const far: usize = down === 1 ? 0 : plane + <usize>(other * stride);
  chromaSums(plane + row * stride, far, sums, samples, firstSample, endSample);
  if (down === 1) widen(sums, target, firstSample, endSample, 1, 2, 2);
  else widen(sums, target, firstSample, endSample, 8, 7, 4);
  return target;
}

/**
 * Planes to rows of RGB. Writes up to 47 bytes beyond the last row.
 *
 * @param count Of components: 1, or 3 of which the second and the third have a sample for `across` × `down` pixels.
 * @param first,end Columns: all of them, or from a multiple of 16 on.
 * @param scratch Room for 4 · width + 128 bytes, zeros.
 */
export function toRgb(
  components: usize,
  count: i32,
  across: i32,
  down: i32,
  width: i32,
  height: i32,
  target: usize,
  firstRow: i32,
  endRow: i32,
  first: i32,
  end: i32,
  scratch: usize,
): void {
  const padded = (width + 31) & ~15;
  const blue = components + COMPONENT_BYTES;
  const red = blue + COMPONENT_BYTES;
  const sums = scratch + (padded << 1) + 16;
  for (let y = firstRow; y < endRow; y++) {
    const luma = <usize>load<i32>(components + PLANE) + y * load<i32>(components + STRIDE);
    const row = target + y * width * 3;
    if (count === 1) {
      for (let x = first; x < end; x += 16) {
        const grey = v128.load(luma + x);
        storeRgb(row + x * 3, grey, grey, grey);
      }
      continue;
    }
    const cb = chromaRow(blue, y, across, down, width, height, first, end, scratch, sums);
    const cr = chromaRow(red, y, across, down, width, height, first, end, scratch + padded, sums);
    convertRow(luma, cb, cr, row, first, end);
  }
}
