import { maskedCrc32c } from "./crc32c.ts";

const LENGTH_BYTES = 8;
const CHECKSUM_BYTES = 4;
const HEADER_BYTES = LENGTH_BYTES + CHECKSUM_BYTES;

/**
 * One record of a TFRecord file.
 *
 *     length (8 bytes)  masked crc32c of it (4)  data  masked crc32c of the data (4)        little-endian
 */
export function tfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEADER_BYTES + data.length + CHECKSUM_BYTES);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(LENGTH_BYTES, maskedCrc32c(record.subarray(0, LENGTH_BYTES)), true);
  record.set(data, HEADER_BYTES);
  view.setUint32(HEADER_BYTES + data.length, maskedCrc32c(data), true);
  return record;
}

/** The records of a file up to its end, or to the first one that is cut off or damaged. `end` is where each one ends. */
export function* readTfRecords(bytes: Uint8Array): Generator<{ readonly data: Uint8Array; readonly end: number }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const length = Number(view.getBigUint64(at, true));
    const start = at + HEADER_BYTES;
    const end = start + length + CHECKSUM_BYTES;
    if (view.getUint32(at + LENGTH_BYTES, true) !== maskedCrc32c(bytes.subarray(at, at + LENGTH_BYTES))) return;
    if (end > bytes.length) return;
    const data = bytes.subarray(start, start + length);
    if (view.getUint32(start + length, true) !== maskedCrc32c(data)) return;
    yield { data, end };
    at = end;
  }
}
