import type { Content } from "./content.ts";

/** One file of an archive. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes that {@link read} gives. */
  readonly size: number;
  /** Its bytes, borrowed until another is read. */
  read(): Uint8Array;
}

const LOCAL = { signature: 0x04034b50, length: 30 };
const CENTRAL = { signature: 0x02014b50, length: 46 };
const END = { signature: 0x06054b50, length: 22 };
/** That is needed to read it: 2.0. */
const VERSION = 20;
/** Names are UTF-8. */
const FLAGS = 0x0800;
/** 1 January 1980, the first day there is: the same content gives the same file. */
const DATE = 0x21;
/** Of the field that fills the space before an aligned entry, as PyTorch names it: "FB". */
const PADDING = { id: 0x4246, length: 4 };

/**
 * A zip archive whose entries are stored, not compressed, each beginning at a multiple of `alignment` bytes.
 *
 * @param entries Together at most 4 GiB: no zip64. Each is read once, when it is written.
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
export function zipContent(entries: readonly ZipEntry[], alignment: number): Content {
  let at = 0;
  const placed = entries.map(({ name, size, read }) => {
    const bytes = new TextEncoder().encode(name);
    const header = at;
    const unpadded = header + LOCAL.length + bytes.length + PADDING.length;
    const padding = (alignment - (unpadded % alignment)) % alignment;
    at = unpadded + padding + size;
    return { name: bytes, size, read, header, padding };
  });
  const directory = at;
  const directoryLength = placed.reduce((sum, { name }) => sum + CENTRAL.length + name.length, 0);
  return {
    size: directory + directoryLength + END.length,
    *chunks() {
      const central: Uint8Array[] = [];
      for (const entry of placed) {
        const data = entry.read();
        const summed = { ...entry, checksum: crc32(data) };
        yield localHeader(summed);
        yield data;
        central.push(centralHeader(summed));
      }
      yield* central;
      yield endOfDirectory(placed.length, directoryLength, directory);
    },
  };
}

interface Placed {
  readonly name: Uint8Array;
  readonly size: number;
  /** Where its local header begins. */
  readonly header: number;
  /** Bytes before its data that align them. */
  readonly padding: number;
  readonly checksum: number;
}

function localHeader(entry: Placed): Uint8Array {
  const { name, padding } = entry;
  const extra = LOCAL.length + name.length;
  const bytes = new Uint8Array(extra + PADDING.length + padding);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, LOCAL.signature, true);
  view.setUint16(4, VERSION, true);
  setCommon(view, 6, entry);
  view.setUint16(28, PADDING.length + padding, true);
  bytes.set(name, LOCAL.length);
  view.setUint16(extra, PADDING.id, true);
  view.setUint16(extra + 2, padding, true);
  return bytes;
}

function centralHeader(entry: Placed): Uint8Array {
  const bytes = new Uint8Array(CENTRAL.length + entry.name.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, CENTRAL.signature, true);
  view.setUint16(4, VERSION, true);
  view.setUint16(6, VERSION, true);
  setCommon(view, 8, entry);
  view.setUint32(42, entry.header, true);
  bytes.set(entry.name, CENTRAL.length);
  return bytes;
}

/** What both headers of an entry say, from `offset` on. */
function setCommon(view: DataView, offset: number, { name, size, checksum }: Placed): void {
  [FLAGS, 0, 0, DATE].forEach((value, i) => {
    view.setUint16(offset + 2 * i, value, true);
  });
  [checksum, size, size].forEach((value, i) => {
    view.setUint32(offset + 8 + 4 * i, value, true);
  });
  view.setUint16(offset + 20, name.length, true);
}

function endOfDirectory(count: number, length: number, begin: number): Uint8Array {
  const bytes = new Uint8Array(END.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, END.signature, true);
  view.setUint16(8, count, true);
  view.setUint16(10, count, true);
  view.setUint32(12, length, true);
  view.setUint32(16, begin, true);
  return bytes;
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
