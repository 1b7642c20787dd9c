import { APP0, APP14, APP15, COM, DHT, DQT, DRI, isJpeg, SOF0, SOF1, SOS } from "./jpeg-markers.ts";

/** A component of the image: luma, or one of the two chromas. */
export interface JpegComponent {
  /** Blocks in a unit of the scan. */
  readonly across: number;
  readonly down: number;
  /** 64 bytes in zigzag order. */
  readonly quantization: Uint8Array;
  /** Counts of codes of 1 to 16 bits, then their symbols. */
  readonly dcTable: Uint8Array;
  readonly acTable: Uint8Array;
}

/** All that is said before the one scan of a baseline JPEG. */
export interface BaselineHeader {
  readonly width: number;
  readonly height: number;
  /** Grey, or Y, Cb and Cr. */
  readonly components: readonly JpegComponent[];
  /** Units between restart markers; 0: there are none. */
  readonly restart: number;
  /** The first entropy-coded byte. */
  readonly scanStart: number;
}

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly components: readonly { readonly id: number; readonly sampling: number; readonly table: number }[];
}

/** Sampling factors of luma, with chroma of 1 × 1: 4:4:4, 4:2:2 and 4:2:0. */
const LUMA_SAMPLINGS = [0x11, 0x21, 0x22];
/** In a unit, along a side. */
const MOST_SAMPLES = 4;
/** Of 4:2:x up to this width, chroma is not interpolated. */
const NARROW = 4;

/**
 * Reads the header of the usual JPEG: baseline, 8 bits, grey or YCbCr of 4:4:4, 4:2:2 or 4:2:0, one scan.
 *
 * @returns undefined for any other file, and for a damaged one.
 * @see ITU-T T.81, Annex B; colour spaces as libjpeg guesses them
 */
export function baselineHeader(bytes: Uint8Array): BaselineHeader | undefined {
  if (!isJpeg(bytes)) return undefined;
  const quantizations: Uint8Array[] = [];
  const tables: Uint8Array[] = [];
  let frame: Frame | undefined;
  let restart = 0;
  let isJfif = false;
  let adobe: number | undefined;
  for (let at = 2; at + 4 <= bytes.length; ) {
    const [lead, marker] = [bytes[at], bytes[at + 1]!];
    const length = bytes[at + 2]! * 256 + bytes[at + 3]!;
    const segment = bytes.subarray(at + 4, at + 2 + length);
    if (lead !== 0xff || segment.length !== length - 2) return undefined;
    at += 2 + length;
    if (marker === DQT) {
      if (!readQuantizations(segment, quantizations)) return undefined;
    } else if (marker === DHT) {
      if (!readTables(segment, tables)) return undefined;
    } else if (marker === SOF0 || marker === SOF1) {
      frame = frame ? undefined : frameOf(segment);
      if (!frame) return undefined;
    } else if (marker === DRI) {
      if (length !== 4) return undefined;
      restart = segment[0]! * 256 + segment[1]!;
    } else if (marker === SOS) {
      if (!frame || !isKnownColour(frame, isJfif, adobe)) return undefined;
      const components = componentsOf(frame, segment, quantizations, tables);
      return components && { width: frame.width, height: frame.height, components, restart, scanStart: at };
    } else if (marker === APP0) isJfif ||= length >= 16 && startsWith(segment, "JFIF\0");
    else if (marker === APP14) adobe = length >= 14 && startsWith(segment, "Adobe") ? segment[11] : adobe;
    else if (!(marker > APP0 && marker <= APP15) && marker !== COM) return undefined;
  }
  return undefined;
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  return [...text].every((character, i) => bytes[i] === character.charCodeAt(0));
}

/** libjpeg takes other components for RGB or CMYK. */
function isKnownColour({ components }: Frame, isJfif: boolean, adobe: number | undefined): boolean {
  if (components.length === 1 || isJfif) return true;
  return adobe === undefined ? components.every(({ id }, i) => id === i + 1) : adobe === 1;
}

function readQuantizations(segment: Uint8Array, tables: Uint8Array[]): boolean {
  if (segment.length % 65 !== 0) return false; // Or with 16 bits.
  for (let at = 0; at < segment.length; at += 65) {
    if (segment[at]! > 3) return false;
    tables[segment[at]!] = segment.subarray(at + 1, at + 65);
  }
  return true;
}

/** @param tables DC of 0 to 3, then AC. */
function readTables(segment: Uint8Array, tables: Uint8Array[]): boolean {
  for (let at = 0; at < segment.length; ) {
    const id = segment[at]!;
    const symbols = segment.subarray(at + 1, at + 17).reduce((sum, count) => sum + count, 0);
    const end = at + 17 + symbols;
    if ((id & 0xef) > 3 || symbols > 256 || end > segment.length) return false;
    if (id < 4 && segment.subarray(at + 17, end).some((size) => size > 15)) return false;
    tables[(id >> 4) * 4 + (id & 3)] = segment.subarray(at + 1, end);
    at = end;
  }
  return true;
}

function frameOf(segment: Uint8Array): Frame | undefined {
  const [precision, h1, h0, w1, w0, count] = segment;
  if (precision !== 8 || (count !== 1 && count !== 3) || segment.length !== 6 + 3 * count) return undefined;
  const components = Array.from({ length: count }, (_, c) => {
    const [id, sampling, table] = segment.subarray(6 + 3 * c, 9 + 3 * c);
    return { id: id!, sampling: count === 1 ? 0x11 : sampling!, table: table! };
  });
  const [height, width] = [h1! * 256 + h0!, w1! * 256 + w0!];
  const [luma, ...chroma] = components;
  const [across, down] = [segment[7]! >> 4, segment[7]! & 15];
  if (across < 1 || across > MOST_SAMPLES || down < 1 || down > MOST_SAMPLES) return undefined; // Also of grey, where they say nothing.
  const isUsual = LUMA_SAMPLINGS.includes(luma!.sampling) && chroma.every(({ sampling }) => sampling === 0x11);
  const isNarrow = luma!.sampling !== 0x11 && width <= NARROW;
  return isUsual && !isNarrow && height > 0 && width > 0 ? { width, height, components } : undefined;
}

/** Of a scan of all components in order, with all coefficients. */
function componentsOf(
  { components }: Frame,
  segment: Uint8Array,
  quantizations: readonly (Uint8Array | undefined)[],
  tables: readonly (Uint8Array | undefined)[],
): JpegComponent[] | undefined {
  const count = components.length;
  const [first, last, approximation] = segment.subarray(1 + 2 * count);
  if (segment[0] !== count || segment.length !== 4 + 2 * count) return undefined;
  if (first !== 0 || last !== 63 || approximation !== 0) return undefined;
  const found: JpegComponent[] = [];
  for (const [c, { id, sampling, table }] of components.entries()) {
    const selectors = segment[2 + 2 * c]!;
    const [quantization, dcTable, acTable] = [
      quantizations[table],
      tables[selectors >> 4],
      tables[4 + (selectors & 15)],
    ];
    if (segment[1 + 2 * c] !== id || selectors >> 4 > 3 || !quantization || !dcTable || !acTable) return undefined;
    found.push({ across: sampling >> 4, down: sampling & 15, quantization, dcTable, acTable });
  }
  return found;
}
