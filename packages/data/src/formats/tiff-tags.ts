import type { ByteSource } from "../image-header.ts";

/** Numbers of the tags that are looked at (TIFF 6.0, section 8). */
export const TIFF_TAG = {
  width: 256,
  height: 257,
  bitsPerSample: 258,
  photometric: 262,
  samplesPerPixel: 277,
} as const;

const SHORT = 3;
const ENTRY_BYTES = 12;

export const isTiff = (start: Uint8Array): boolean => {
  const ascii = String.fromCharCode(...start.subarray(0, 4));
  return ascii === "II*\0" || ascii === "MM\0*";
};

/**
 * The tags of a TIFF file's first image: the first value of each that is a short or long integer.
 *
 * @returns Undefined where the file ends before them.
 */
export function readTiffTags(source: ByteSource): ReadonlyMap<number, number> | undefined {
  const start = source.read(0, 8).slice();
  if (start.length < 8) return undefined;
  const isLittle = start[0] === 0x49;
  const directory = view(start).getUint32(4, isLittle);
  const count = source.read(directory, 2);
  if (count.length < 2) return undefined;
  const entries = source.read(directory + 2, ENTRY_BYTES * view(count).getUint16(0, isLittle)).slice();
  const tags = new Map<number, number>();
  for (let at = 0; at + ENTRY_BYTES <= entries.length; at += ENTRY_BYTES) {
    const entry = view(entries.subarray(at, at + ENTRY_BYTES));
    const [isShort, values] = [entry.getUint16(2, isLittle) === SHORT, entry.getUint32(4, isLittle)];
    let value = isShort ? entry.getUint16(8, isLittle) : entry.getUint32(8, isLittle);
    if (values > (isShort ? 2 : 1)) {
      // More than four bytes of values lie elsewhere.
      const elsewhere = source.read(entry.getUint32(8, isLittle), 4);
      if (elsewhere.length < 4) continue;
      value = isShort ? view(elsewhere).getUint16(0, isLittle) : view(elsewhere).getUint32(0, isLittle);
    }
    tags.set(entry.getUint16(0, isLittle), value);
  }
  return tags;
}

const view = ({ buffer, byteOffset, byteLength }: Uint8Array) => new DataView(buffer, byteOffset, byteLength);
