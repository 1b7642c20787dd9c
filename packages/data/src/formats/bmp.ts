import type { ByteImage } from "../image/byte-image.ts";

const FILE_HEADER_BYTES = 14;
const CORE_HEADER_BYTES = 12;
const UNCOMPRESSED = 0;
const MASKED = 3;
/** Where the masks of red, green and blue are, and those that mean bytes in the order of blue, green, red. */
const MASKS = [
  [54, 0xff0000],
  [58, 0xff00],
  [62, 0xff],
] as const;

interface BmpHeader {
  readonly width: number;
  readonly height: number;
  readonly isTopDown: boolean;
  readonly bits: number;
  readonly pixels: number;
  /** Of up to 256 colours, or grey as Pillow fills up what the file lacks. */
  readonly palette: Uint8Array;
}

export const isBmp = (bytes: Uint8Array) => bytes[0] === 0x42 && bytes[1] === 0x4d;

/**
 * Decodes an uncompressed BMP of 1, 4, 8, 24 or 32 bits to RGB, as Pillow's `convert("RGB")` gives it.
 *
 * @param maxPixels More are refused by the header.
 * @throws {Error} It is none, or damaged.
 */
export function decodeBmp(bytes: Uint8Array, maxPixels: number): ByteImage {
  const header = headerOf(bytes);
  const { width, height, isTopDown, bits, pixels, palette } = header;
  if (width < 1 || height < 1) throw new Error("the BMP has no pixels");
  if (width * height > maxPixels) throw new Error("the BMP exceeds the pixel limit");
  const stride = Math.ceil((width * bits) / 32) * 4;
  if (pixels + stride * height > bytes.length) throw new Error("the BMP ends too early");
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    const row = pixels + stride * (isTopDown ? y : height - 1 - y);
    for (let x = 0; x < width; x++, to += 3) {
      if (bits >= 24) {
        const from = row + x * (bits / 8);
        for (let c = 0; c < 3; c++) data[to + c] = bytes[from + 2 - c]!;
      } else {
        const shift = 8 - bits - ((x * bits) & 7);
        const index = (bytes[row + ((x * bits) >> 3)]! >> shift) & ((1 << bits) - 1);
        for (let c = 0; c < 3; c++) data[to + c] = palette[index * 3 + c]!;
      }
    }
  }
  return { height, width, channels: 3, data };
}

function headerOf(bytes: Uint8Array): BmpHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < FILE_HEADER_BYTES + CORE_HEADER_BYTES) throw new Error("the BMP ends in its header");
  const pixels = view.getUint32(10, true);
  const size = view.getUint32(FILE_HEADER_BYTES, true);
  const paletteAt = FILE_HEADER_BYTES + size;
  if (size === CORE_HEADER_BYTES) {
    const [width, height, bits] = [view.getUint16(18, true), view.getUint16(20, true), view.getUint16(24, true)];
    const palette = paletteOf(bytes.subarray(paletteAt, pixels), 3, 2 ** bits);
    return { width, height, isTopDown: false, bits: checked(bits, true), pixels, palette };
  }
  if (size < 40 || bytes.length < paletteAt) throw new Error("the BMP has a header of an unknown kind");
  const [width, height] = [view.getInt32(18, true), view.getInt32(22, true)];
  const [bits, compression] = [view.getUint16(28, true), view.getUint32(30, true)];
  const hasBytes = () =>
    bits >= 24 && bytes.length >= 66 && MASKS.every(([at, mask]) => view.getUint32(at, true) === mask);
  const isPlain = compression === UNCOMPRESSED || (compression === MASKED && hasBytes());
  const colours = view.getUint32(46, true) || 2 ** Math.min(bits, 8);
  const palette = paletteOf(bytes.subarray(paletteAt, pixels), 4, colours);
  return { width, height: Math.abs(height), isTopDown: height < 0, bits: checked(bits, isPlain), pixels, palette };
}

function checked(bits: number, isPlain: boolean): number {
  if (isPlain && [1, 4, 8, 24, 32].includes(bits)) return bits;
  throw new Error("only uncompressed BMP files of 1, 4, 8, 24 or 32 bits are read; save it as PNG");
}

/** @param from Blue, green, red, and with `stride` 4 a byte more, of each colour. */
function paletteOf(from: Uint8Array, stride: number, colours: number): Uint8Array {
  const palette = Uint8Array.from({ length: 256 * 3 }, (_, i) => Math.floor(i / 3));
  const count = Math.min(256, colours, Math.floor(from.length / stride));
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) palette[i * 3 + c] = from[i * stride + 2 - c]!;
  }
  return palette;
}
