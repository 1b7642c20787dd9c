import { isTiff, readTiffTags, TIFF_TAG } from "./formats/tiff-tags.ts";
import { isFrameMarker, SOS } from "./jpeg/jpeg-markers.ts";

/** Bytes that can be read in pieces: a file, or a part of an archive. */
export interface ByteSource {
  readonly length: number;
  /** At most `length` bytes from `offset`; fewer at the end. Valid until the next call. */
  read(offset: number, length: number): Uint8Array;
}

export type ImageFormat = "jpeg" | "png" | "gif" | "bmp" | "webp" | "tiff" | "pnm";

/** An AVIF image: none that is read, since no decoder but libavif's gives Pillow's numbers. */
export const isAvif = (start: Uint8Array): boolean =>
  /^....ftypavi[fs]/s.test(String.fromCharCode(...start.subarray(0, 12)));

/** What the header of an image file says. */
export interface ImageHeader {
  readonly format: ImageFormat;
  readonly width: number;
  readonly height: number;
  /** Whether the file ends before its image does, as far as can be seen without decoding. */
  readonly isTruncated: boolean;
}

const TRUNCATED = { width: 0, height: 0, isTruncated: true } as const;
/** Where the end of a file is looked for: programs append a few bytes of their own. */
const TAIL_BYTES = 65536;

/**
 * Reads the format and size of an image from its header, and whether its end is there. Nothing is decoded.
 *
 * @returns Undefined for what begins like no image that is known.
 */
export function readImageHeader(source: ByteSource): ImageHeader | undefined {
  const start = source.read(0, 32).slice();
  const ascii = String.fromCharCode(...start);
  if (start[0] === 0xff && start[1] === 0xd8 && start[2] === 0xff) return jpeg(source);
  if (ascii.startsWith("\x89PNG\r\n\x1a\n")) return png(source, start);
  if (/^GIF8[79]a/.test(ascii)) return gif(source, start);
  if (ascii.startsWith("RIFF") && ascii.slice(8, 12) === "WEBP") return webp(source, start);
  if (ascii.startsWith("BM")) return bmp(source, start);
  if (isTiff(start)) return tiff(source);
  return /^P[1-6]\s/.test(ascii) ? pnm(source) : undefined;
}

/** The segments up to the first scan: SOFn has the size; after the scan's beginning the end of the image must come. */
function jpeg(source: ByteSource): ImageHeader {
  let size: { width: number; height: number } | undefined;
  for (let at = 2; ; ) {
    const segment = source.read(at, 9);
    if (segment.length < 9 || segment[0] !== 0xff) return { format: "jpeg", ...TRUNCATED, ...size };
    const [marker, length] = [segment[1]!, view(segment).getUint16(2)];
    if (marker === 0xff) {
      at++; // a fill byte
      continue;
    }
    if (isFrameMarker(marker)) size = { height: view(segment).getUint16(5), width: view(segment).getUint16(7) };
    if (marker === SOS) {
      const isTruncated = size === undefined || !tailHas(source, at, "\xff\xd9");
      return { format: "jpeg", width: 0, height: 0, ...size, isTruncated };
    }
    at += 2 + length;
  }
}

function png(source: ByteSource, start: Uint8Array): ImageHeader {
  if (start.length < 24) return { format: "png", ...TRUNCATED };
  const [width, height] = [view(start).getUint32(16), view(start).getUint32(20)];
  return { format: "png", width, height, isTruncated: !tailHas(source, 24, "IEND\xae\x42\x60\x82") };
}

function gif(source: ByteSource, start: Uint8Array): ImageHeader {
  if (start.length < 13) return { format: "gif", ...TRUNCATED };
  const [width, height] = [view(start).getUint16(6, true), view(start).getUint16(8, true)];
  // The trailer is one byte, ";", which also occurs within images: nothing but zeros may follow it.
  const tail = source.read(Math.max(13, source.length - TAIL_BYTES), TAIL_BYTES);
  const last = tail.findLast((byte) => byte !== 0);
  return { format: "gif", width, height, isTruncated: last !== 0x3b };
}

/** Lossy, lossless and extended files keep the size in different places. */
function webp(source: ByteSource, start: Uint8Array): ImageHeader {
  if (start.length < 30) return { format: "webp", ...TRUNCATED };
  const data = view(start);
  const isTruncated = 8 + data.getUint32(4, true) > source.length;
  const chunk = String.fromCharCode(...start.subarray(12, 16));
  if (chunk === "VP8 ") {
    const [width, height] = [data.getUint16(26, true) & 0x3fff, data.getUint16(28, true) & 0x3fff];
    return { format: "webp", width, height, isTruncated };
  }
  if (chunk === "VP8L") {
    const bits = data.getUint32(21, true);
    return { format: "webp", width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff), isTruncated };
  }
  const uint24 = (offset: number) => data.getUint16(offset, true) | (start[offset + 2]! << 16);
  return { format: "webp", width: 1 + uint24(24), height: 1 + uint24(27), isTruncated };
}

function bmp(source: ByteSource, start: Uint8Array): ImageHeader {
  if (start.length < 26) return { format: "bmp", ...TRUNCATED };
  const data = view(start);
  const isOld = data.getUint32(14, true) === 12; // OS/2: sizes of 16 bits
  const width = isOld ? data.getUint16(18, true) : data.getInt32(18, true);
  const height = isOld ? data.getUint16(20, true) : Math.abs(data.getInt32(22, true)); // negative: from the top down
  return { format: "bmp", width, height, isTruncated: data.getUint32(2, true) > source.length };
}

/** Where the pixels end is in too many places to look. */
function tiff(source: ByteSource): ImageHeader {
  const tags = readTiffTags(source);
  if (tags === undefined) return { format: "tiff", ...TRUNCATED };
  const [width, height] = [tags.get(TIFF_TAG.width) ?? 0, tags.get(TIFF_TAG.height) ?? 0];
  return { format: "tiff", width, height, isTruncated: width === 0 || height === 0 };
}

/** PBM, PGM, PPM: a header in text, with remarks, then (P5, P6) the pixels as they are. */
function pnm(source: ByteSource): ImageHeader {
  const text = String.fromCharCode(...source.read(0, 512));
  const header = /^P([1-6])(?:\s|#.*\n)+(\d+)(?:\s|#.*\n)+(\d+)(?:(?:\s|#.*\n)+(\d+))?\s/.exec(text);
  if (header === null) return { format: "pnm", ...TRUNCATED };
  const [all, kind, width, height, largest] = header;
  const size = { width: Number(width), height: Number(height) };
  const samples = size.width * size.height * (kind === "6" ? 3 : 1) * (Number(largest) > 255 ? 2 : 1);
  const hasPlainBytes = kind === "5" || kind === "6";
  return { format: "pnm", ...size, isTruncated: hasPlainBytes && all.length + samples > source.length };
}

/** Whether the file's last bytes, but none before `from`, have this text. */
function tailHas(source: ByteSource, from: number, text: string): boolean {
  const short = Math.max(from, source.length - text.length);
  if (find(source.read(short, text.length), text) === 0) return true; // as nearly all files end
  const start = Math.max(from, source.length - TAIL_BYTES);
  return find(source.read(start, TAIL_BYTES), text) >= 0;
}

/** Place of a text of single bytes, or -1. */
function find(bytes: Uint8Array, text: string): number {
  for (let at = bytes.indexOf(text.charCodeAt(0)); at >= 0; at = bytes.indexOf(text.charCodeAt(0), at + 1)) {
    let same = 1;
    while (same < text.length && bytes[at + same] === text.charCodeAt(same)) same++;
    if (same === text.length) return at;
  }
  return -1;
}

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
