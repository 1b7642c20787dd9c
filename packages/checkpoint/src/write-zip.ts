/** One file of an archive; its bytes are borrowed. */
export interface ZipEntry {
  readonly name: string;
  readonly data: Uint8Array;
}

const LOCAL = { signature: 0x04034b50, length: 30 };
const CENTRAL = { signature: 0x02014b50, length: 46 };
const END = { signature: 0x06054b50, length: 22 };
/** Names are UTF-8. */
const FLAGS = 0x0800;
/** 1 January 1980, the first day there is: the same content gives the same file. */
const DATE = 0x21;
/** Of the field that fills the space before an aligned entry, as PyTorch names it: "FB". */
const PADDING = { id: 0x4246, length: 4 };

/**
 * A zip archive whose entries are stored, not compressed, each beginning at a multiple of `alignment` bytes.
 *
 * @param entries Together at most 4 GiB: no zip64.
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
export function writeZip(entries: readonly ZipEntry[], alignment: number): Uint8Array {
  let at = 0;
  const placed = entries.map(({ name, data }) => {
    const bytes = new TextEncoder().encode(name);
    const header = at;
    const unpadded = header + LOCAL.length + bytes.length + PADDING.length;
    const padding = (alignment - (unpadded % alignment)) % alignment;
    at = unpadded + padding + data.length;
    return { name: bytes, data, header, padding, checksum: crc32(data) };
  });
  const directory = at;
  const directoryLength = placed.reduce((sum, { name }) => sum + CENTRAL.length + name.length, 0);
  const file = new Uint8Array(directory + directoryLength + END.length);
  const view = new DataView(file.buffer);
  let next = directory;
  for (const { name, data, header, padding, checksum } of placed) {
    const common = (offset: number) => {
      [FLAGS, 0, 0, DATE].forEach((value, i) => {
        view.setUint16(offset + 2 * i, value, true);
      });
      [checksum, data.length, data.length].forEach((value, i) => {
        view.setUint32(offset + 8 + 4 * i, value, true);
      });
      view.setUint16(offset + 20, name.length, true);
    };
    view.setUint32(header, LOCAL.signature, true);
    view.setUint16(header + 4, 20, true); // the version that is needed to read it: 2.0
    common(header + 6);
    view.setUint16(header + 28, PADDING.length + padding, true);
    file.set(name, header + LOCAL.length);
    const extra = header + LOCAL.length + name.length;
    view.setUint16(extra, PADDING.id, true);
    view.setUint16(extra + 2, padding, true);
    file.set(data, extra + PADDING.length + padding);

    view.setUint32(next, CENTRAL.signature, true);
    view.setUint16(next + 4, 20, true);
    view.setUint16(next + 6, 20, true);
    common(next + 8);
    view.setUint32(next + 42, header, true);
    file.set(name, next + CENTRAL.length);
    next += CENTRAL.length + name.length;
  }
  view.setUint32(next, END.signature, true);
  view.setUint16(next + 8, placed.length, true);
  view.setUint16(next + 10, placed.length, true);
  view.setUint32(next + 12, directoryLength, true);
  view.setUint32(next + 16, directory, true);
  return file;
}

/** CRC-32 of each byte value. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes: Uint8Array): number {
  let value = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) value = TABLE[(value ^ bytes[i]!) & 0xff]! ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}
