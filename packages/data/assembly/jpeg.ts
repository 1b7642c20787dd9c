// Baseline JPEG, as libjpeg-turbo decodes it by default: its accurate integer inverse DCT, its triangle filter for chroma, its
// fixed-point colour conversion; the same bytes. Whatever is unusual about a file is an answer of 0, and left to others.
import { flatBlock, inverseDct } from "./inverse-dct";
import {
  AC_TABLE,
  ACROSS,
  COMPONENT_BYTES,
  DC_TABLE,
  DOWN,
  END_COLUMN,
  END_ROW,
  FIRST_COLUMN,
  FIRST_ROW,
  PLANE,
  PREDICTION,
  QUANTIZATION,
  STRIDE,
} from "./jpeg-component";

export { toRgb } from "./jpeg-colour";

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
