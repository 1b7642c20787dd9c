// Baseline JPEG, as libjpeg-turbo decodes it by default: its accurate integer inverse DCT, its triangle filter for chroma, its
// fixed-point colour conversion; the same bytes. Whatever is unusual about a file is an answer of 0, and left to others.

/** Of a Huffman table: codes of up to so many bits are found by looking once. */
const LOOK_BITS: i32 = 10;
/** 2^10 words: what whole symbols with their extra bits say, then 2^10 codes, then for each length the last code and an offset, then the symbols. */
const CODES: usize = 4096;
const LAST_CODE: usize = 6144;
const OFFSETS: usize = 6216;
const SYMBOLS: usize = 6288;
/** A step beyond any coefficient: the end of the block. */
const END_OF_BLOCK: i32 = 128;

/** Pixels have coefficients of at most 1024 or so; with those of damaged files 16 bits overflow. */
const LARGEST: i32 = 4096;

/** Fields of a component, words. */
const PLANE: usize = 0;
const STRIDE: usize = 4;
const ACROSS: usize = 8;
const DOWN: usize = 12;
const QUANTIZATION: usize = 16;
const DC_TABLE: usize = 20;
const AC_TABLE: usize = 24;
const PREDICTION: usize = 28;
/** The blocks that are wanted. */
const FIRST_COLUMN: usize = 32;
const END_COLUMN: usize = 36;
const FIRST_ROW: usize = 40;
const END_ROW: usize = 44;
const COMPONENT_BYTES: usize = 48;

/** Of the bits being read: the stream lies backwards in memory, so that a load has its first byte on top. */
let streamTop: usize = 0;
let position: u32 = 0;
/** Set by `unstuff`. */
let streamBytes: u32 = 0;

/** The next bits, the first one on top; at least 57 count. */
function bitsAt(at: u32): u64 {
  return load<u64>(streamTop - (at >> 3)) << (at & 7);
}

/** The two's complement of `bits` extra bits. */
function extended(value: i32, bits: i32): i32 {
  return value < 1 << (bits - 1) ? value - (1 << bits) + 1 : value;
}

/**
 * Makes the tables of a Huffman code.
 *
 * @param counts Of each length of 1 to 16 bits, a byte; the symbols follow.
 * @returns 0: there is no such code.
 */
export function buildTable(counts: usize, table: usize): i32 {
  memory.fill(table, 0, LAST_CODE);
  const symbols = counts + 16;
  let code: i32 = 0;
  let index: i32 = 0;
  for (let length = 1; length <= 16; length++) {
    const count = <i32>load<u8>(counts + length - 1);
    if (count > 0 && code + count >= 1 << length) return 0; // No code is all ones.
    store<i32>(table + LAST_CODE + (length << 2), count > 0 ? code + count - 1 : -1);
    store<i32>(table + OFFSETS + (length << 2), index - code);
    for (let i = 0; i < count; i++, index++, code++) {
      const symbol = <i32>load<u8>(symbols + index);
      store<u8>(table + SYMBOLS + index, symbol);
      if (length <= LOOK_BITS) fillLook(table, code, length, symbol);
    }
    code <<= 1;
  }
  return 1;
}

function fillLook(table: usize, code: i32, length: i32, symbol: i32): void {
  const size = symbol & 15;
  const run = symbol >> 4;
  const rest = LOOK_BITS - length;
  const first = code << rest;
  for (let i = 0; i < 1 << rest; i++) {
    store<u16>(table + CODES + ((first + i) << 1), (length << 8) | symbol);
    if (size > rest) continue;
    const value = size > 0 ? extended(i >> (rest - size), size) : 0;
    const step = size > 0 || run === 15 ? run + 1 : END_OF_BLOCK;
    store<i32>(table + ((first + i) << 2), (value << 16) | (step << 8) | (length + size));
  }
}

/** @returns The bits of the next code, above its symbol's 8 bits; 0: no code begins so. */
function codeAt(bits: u64, table: usize): i32 {
  const known = <i32>load<u16>(table + CODES + ((<usize>(bits >> (64 - LOOK_BITS))) << 1));
  if (known !== 0) return known;
  for (let length = LOOK_BITS + 1; length <= 16; length++) {
    const code = <i32>(bits >> (64 - length));
    if (code > load<i32>(table + LAST_CODE + (length << 2))) continue;
    return (length << 8) | <i32>load<u8>(table + SYMBOLS + code + load<i32>(table + OFFSETS + (length << 2)));
  }
  return 0;
}

/**
 * Reads the coefficients of a block, dequantised, to `coefficients`, which are zeros before.
 *
 * @returns The place of the last one in zigzag order; -1: damaged.
 */
function readBlock(component: usize, coefficients: usize, zigzag: usize): i32 {
  let at = position;
  const quantization = <usize>load<i32>(component + QUANTIZATION);
  let bits = bitsAt(at);
  const dc = codeAt(bits, load<i32>(component + DC_TABLE));
  const size = dc & 255;
  if (dc === 0 || size > 11) return -1;
  at += (dc >> 8) + size;
  let prediction = load<i32>(component + PREDICTION);
  if (size > 0) prediction += extended(<i32>((bits << (dc >> 8)) >> (64 - size)), size);
  store<i32>(component + PREDICTION, prediction);
  const scaled = prediction * <i32>load<u16>(quantization);
  let magnitudes = scaled ^ (scaled >> 31);
  store<i16>(coefficients, scaled);

  const table = <usize>load<i32>(component + AC_TABLE);
  let k: i32 = 0;
  let last: i32 = 0;
  while (k < 63) {
    bits = bitsAt(at);
    const known = load<i32>(table + ((<usize>(bits >> (64 - LOOK_BITS))) << 2));
    let value = known >> 16;
    if (known !== 0) {
      at += known & 255;
      k += (known >> 8) & 255;
    } else {
      const code = codeAt(bits, table);
      if (code === 0) return -1;
      const more = code & 15;
      const run = (code >> 4) & 15;
      at += (code >> 8) + more;
      value = more > 0 ? extended(<i32>((bits << (code >> 8)) >> (64 - more)), more) : 0;
      k += more > 0 || run === 15 ? run + 1 : END_OF_BLOCK;
    }
    if (k > 63) break;
    last = k;
    value *= <i32>load<u16>(quantization + (k << 1));
    magnitudes |= value ^ (value >> 31);
    store<i16>(coefficients + load<u8>(zigzag + k), value);
  }
  position = at;
  return (k > 63 && k < END_OF_BLOCK) || magnitudes >= LARGEST ? -1 : last;
}

/** Pairs of the lower, then of the upper four lanes. */
function low(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

function high(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** Weights of a pair. */
function pair(a: i32, b: i32): v128 {
  return i32x4.splat((a & 0xffff) | (b << 16));
}

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
function inverseDct(coefficients: usize, target: usize, stride: i32, workspace: usize): void {
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
function flatBlock(dc: i32, target: usize, stride: i32): void {
  const value = i8x16.splat(<i8>max(0, min(255, ((dc + 4) >> 3) + 128)));
  for (let y = 0; y < 8; y++) v128.store64_lane(target + y * stride, value, 0);
}

/**
 * Copies entropy-coded bytes up to the next marker, backwards below `top` and without stuffed zeros; 8 zeros follow the last.
 *
 * @returns Where the marker stands, or `end`.
 */
function unstuff(source: usize, end: usize, top: usize): usize {
  let from = source;
  let to = top;
  while (from < end) {
    if (from + 16 <= end) {
      const bytes = v128.load(from);
      if (!v128.any_true(i8x16.eq(bytes, i8x16.splat(-1)))) {
        v128.store(to - 16, v128.shuffle<i8>(bytes, bytes, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
        from += 16;
        to -= 16;
        continue;
      }
    }
    const byte = load<u8>(from);
    if (byte === 0xff) {
      if (from + 1 >= end || load<u8>(from, 1) !== 0) break;
      from++;
    }
    to--;
    store<u8>(to, byte);
    from++;
  }
  store<i64>(to - 8, 0);
  streamTop = top - 8;
  streamBytes = <u32>(top - to);
  position = 0;
  return from;
}

/** Reads a block, and makes its pixels where they are wanted. @returns false: damaged, or not all there. */
function decodeBlock(component: usize, row: i32, column: i32, zigzag: usize, workspace: usize): bool {
  const coefficients = workspace;
  const last = readBlock(component, coefficients, zigzag);
  if (last < 0) return false;
  const isWanted =
    row >= load<i32>(component + FIRST_ROW) &&
    row < load<i32>(component + END_ROW) &&
    column >= load<i32>(component + FIRST_COLUMN) &&
    column < load<i32>(component + END_COLUMN);
  if (isWanted) {
    const stride = load<i32>(component + STRIDE);
    const target = <usize>load<i32>(component + PLANE) + ((row * stride + column) << 3);
    if (last === 0) flatBlock(load<i16>(coefficients), target, stride);
    else inverseDct(coefficients, target, stride, workspace + 128);
  }
  if (last === 0) store<i16>(coefficients, 0);
  else for (let i: usize = 0; i < 128; i += 16) v128.store(coefficients + i, i16x8.splat(0));
  return position <= streamBytes << 3;
}

function decodeUnit(components: usize, count: i32, y: i32, x: i32, zigzag: usize, workspace: usize): bool {
  for (let c = 0; c < count; c++) {
    const component = components + <usize>c * COMPONENT_BYTES;
    const across = load<i32>(component + ACROSS);
    const down = load<i32>(component + DOWN);
    for (let v = 0; v < down; v++) {
      for (let h = 0; h < across; h++) {
        if (!decodeBlock(component, y * down + v, x * across + h, zigzag, workspace)) return false;
      }
    }
  }
  return true;
}

/**
 * Decodes the one scan of a baseline JPEG to a plane of bytes for each component.
 *
 * @param source The first entropy-coded byte; up to 15 bytes beyond `end` may be read.
 * @param top Below it is room for as many bytes as the scan has, and 2048, of which a damaged scan reads some.
 * @param rows,columns Of units: 8×8 pixels, or as many as the most finely sampled component has blocks of.
 * @param restart Units between two restart markers; 0: there are none.
 * @param zigzag Of each coefficient in the order of the file, its place in bytes.
 * @param workspace 512 bytes, zeros.
 * @returns Where the marker after the scan stands; 0: the data are damaged or end too early.
 */
export function decodeScan(
  source: usize,
  end: usize,
  top: usize,
  components: usize,
  count: i32,
  rows: i32,
  columns: i32,
  restart: i32,
  zigzag: usize,
  workspace: usize,
): usize {
  let at = unstuff(source, end, top);
  let left = restart > 0 ? restart : i32.MAX_VALUE;
  let marker: i32 = 0;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, left--) {
      if (left === 0) {
        if (at + 2 > end || <i32>load<u8>(at, 1) !== 0xd0 + marker) return 0;
        at = unstuff(at + 2, end, top);
        for (let c = 0; c < count; c++) store<i32>(components + <usize>c * COMPONENT_BYTES + PREDICTION, 0);
        marker = (marker + 1) & 7;
        left = restart;
      }
      if (!decodeUnit(components, count, y, x, zigzag, workspace)) return 0;
    }
  }
  return at;
}

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
