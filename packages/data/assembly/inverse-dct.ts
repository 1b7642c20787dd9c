// libjpeg's accurate integer inverse DCT.
import { high, low, pair } from "./lanes";

/**
 * One dimension of the inverse DCT for four of the lanes, whose inputs come in pairs; Loeffler, Ligtenberg and Moschytz 1989, with
 * 13 bits after the point.
 *
 * @param target Of 8 outputs of 4 words, 32 bytes apart.
 */
function transform(
  in04: v128,
  in26: v128,
  in71: v128,
  in53: v128,
  sums: v128,
  target: usize,
  rounding: v128,
  shift: i32,
): void {
  const even0 = i32x4.add(i32x4.dot_i16x8_s(in04, pair(8192, 8192)), rounding);
  const even1 = i32x4.add(i32x4.dot_i16x8_s(in04, pair(8192, -8192)), rounding);
  const even2 = i32x4.dot_i16x8_s(in26, pair(4433, 4433 - 15137));
  const even3 = i32x4.dot_i16x8_s(in26, pair(4433 + 6270, 4433));
  const z3 = i32x4.dot_i16x8_s(sums, pair(9633 - 16069, 9633));
  const z4 = i32x4.dot_i16x8_s(sums, pair(9633, 9633 - 3196));
  const odd0 = i32x4.add(i32x4.dot_i16x8_s(in71, pair(2446 - 7373, -7373)), z3);
  const odd1 = i32x4.add(i32x4.dot_i16x8_s(in53, pair(16819 - 20995, -20995)), z4);
  const odd2 = i32x4.add(i32x4.dot_i16x8_s(in53, pair(-20995, 25172 - 20995)), z3);
  const odd3 = i32x4.add(i32x4.dot_i16x8_s(in71, pair(-7373, 12299 - 7373)), z4);
  butterfly(target, 0, i32x4.add(even0, even3), odd3, shift);
  butterfly(target, 1, i32x4.add(even1, even2), odd2, shift);
  butterfly(target, 2, i32x4.sub(even1, even2), odd1, shift);
  butterfly(target, 3, i32x4.sub(even0, even3), odd0, shift);
}

/** Outputs `k` and `7 − k`. */
function butterfly(target: usize, k: i32, even: v128, odd: v128, shift: i32): void {
  v128.store(target + (k << 5), i32x4.shr_s(i32x4.add(even, odd), shift));
  v128.store(target + ((7 - k) << 5), i32x4.shr_s(i32x4.sub(even, odd), shift));
}

/** One dimension, all lanes: 8 vectors of 16 bits at `from` to 8 of 32 bits in two halves at `target`. */
function transformAll(from: usize, target: usize, rounding: v128, shift: i32): void {
  const in0 = v128.load(from);
  const in1 = v128.load(from, 16);
  const in2 = v128.load(from, 32);
  const in3 = v128.load(from, 48);
  const in4 = v128.load(from, 64);
  const in5 = v128.load(from, 80);
  const in6 = v128.load(from, 96);
  const in7 = v128.load(from, 112);
  const sum73 = i16x8.add(in7, in3);
  const sum51 = i16x8.add(in5, in1);
  transform(low(in0, in4), low(in2, in6), low(in7, in1), low(in5, in3), low(sum73, sum51), target, rounding, shift);
  transform(
    high(in0, in4),
    high(in2, in6),
    high(in7, in1),
    high(in5, in3),
    high(sum73, sum51),
    target + 16,
    rounding,
    shift,
  );
}

function output(from: usize, k: i32): v128 {
  return i16x8.narrow_i32x4_s(v128.load(from + (k << 5)), v128.load(from + (k << 5), 16));
}

function low32(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 0, 4, 1, 5);
}

function high32(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 2, 6, 3, 7);
}

function store8(target: usize, row: v128, upper: v128): void {
  v128.store(target, v128.shuffle<i64>(row, upper, 0, 2));
  v128.store(target, v128.shuffle<i64>(row, upper, 1, 3), 16);
}

/** 8 vectors of 8 numbers at `from`, in halves of 32 bits, to their transpose of 16 bits at `target`. */
function transpose(from: usize, target: usize): void {
  const a0 = output(from, 0);
  const a1 = output(from, 1);
  const a2 = output(from, 2);
  const a3 = output(from, 3);
  const a4 = output(from, 4);
  const a5 = output(from, 5);
  const a6 = output(from, 6);
  const a7 = output(from, 7);
  store8(target, low32(low(a0, a1), low(a2, a3)), low32(low(a4, a5), low(a6, a7)));
  store8(target + 32, high32(low(a0, a1), low(a2, a3)), high32(low(a4, a5), low(a6, a7)));
  store8(target + 64, low32(high(a0, a1), high(a2, a3)), low32(high(a4, a5), high(a6, a7)));
  store8(target + 96, high32(high(a0, a1), high(a2, a3)), high32(high(a4, a5), high(a6, a7)));
}

/** Columns `k` and `k + 1` of a block, to pairs of bytes, a row each. */
function columnPair(from: usize, k: i32): v128 {
  const both = i8x16.narrow_i16x8_s(output(from, k), output(from, k + 1));
  return v128.shuffle<i8>(both, both, 0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15);
}

function storeRows(target: usize, stride: i32, rows: v128): void {
  const bytes = v128.xor(rows, i8x16.splat(-128));
  v128.store64_lane(target, bytes, 0);
  v128.store64_lane(target + stride, bytes, 1);
}

function isOneRow(coefficients: usize): bool {
  let any = v128.load(coefficients, 16);
  for (let i: usize = 32; i < 128; i += 16) any = v128.or(any, v128.load(coefficients + i));
  return !v128.any_true(any);
}

/** The first dimension of the inverse DCT where all but the first row are zeros. */
function spreadRow(row: usize, columns: usize): void {
  for (let k: usize = 0; k < 8; k++)
    v128.store(columns + (k << 4), i16x8.splat(<i16>((<i32>load<i16>(row + (k << 1))) << 2)));
}

/** The inverse DCT of a block, to 8 rows of bytes. @param workspace 384 bytes. */
export function inverseDct(coefficients: usize, target: usize, stride: i32, workspace: usize): void {
  const columns = workspace + 256;
  if (isOneRow(coefficients)) spreadRow(coefficients, columns);
  else {
    transformAll(coefficients, workspace, i32x4.splat(1 << 10), 11);
    transpose(workspace, columns);
  }
  transformAll(columns, workspace, i32x4.splat(1 << 17), 18);
  const c01 = columnPair(workspace, 0);
  const c23 = columnPair(workspace, 2);
  const c45 = columnPair(workspace, 4);
  const c67 = columnPair(workspace, 6);
  storeRows(target, stride, low32(low(c01, c23), low(c45, c67)));
  storeRows(target + (stride << 1), stride, high32(low(c01, c23), low(c45, c67)));
  storeRows(target + (stride << 2), stride, low32(high(c01, c23), high(c45, c67)));
  storeRows(target + stride * 6, stride, high32(high(c01, c23), high(c45, c67)));
}

/** A block of one value. */
export function flatBlock(dc: i32, target: usize, stride: i32): void {
  const value = i8x16.splat(<i8>max(0, min(255, ((dc + 4) >> 3) + 128)));
  for (let y = 0; y < 8; y++) v128.store64_lane(target + y * stride, value, 0);
}
