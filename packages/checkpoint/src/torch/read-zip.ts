import { inflateSync } from "fflate";
import type { ByteSource, Fail } from "../byte-source.ts";
import { shown } from "./py-values.ts";

/** A zip archive's files by name. */
export interface Zip {
  readonly names: readonly string[];
  /** Whether all are stored as they are, as PyTorch does. */
  readonly stored: boolean;
  /** The size of a file, unpacked; undefined when there is none. */
  sizeOf(name: string): number | undefined;
  /** Its bytes `begin` to `end`: read from the archive where it is stored; unpacked, once, where it is deflated. @default all */
  read(name: string, begin?: number, end?: number): Uint8Array;
}

interface Entry {
  readonly method: number;
  readonly packed: number;
  readonly size: number;
  readonly header: number;
}

const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_SIZE = 22;
const CENTRAL_SIZE = 46;
const LOCAL_SIZE = 30;
const MAX_COMMENT = 0xffff;
const EXTRA_64 = 0x0001;
/** Unpacked bytes allowed for each byte of the archive; weights hardly shrink at all. */
const MAX_RATIO = 16;
const ALWAYS_ALLOWED = 2 ** 20;

const utf8 = new TextDecoder();

/**
 * Reads a zip archive's directory; the files only when asked for. Checksums are not compared: PyTorch does not, and can be told
 * not to write them.
 *
 * @throws by `fail`: it is no zip archive, cut short, contradicts itself, is encrypted, or would unpack to far more than it is.
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
export function readZip(source: ByteSource, fail: Fail): Zip {
  const damaged = (why: string, cause?: unknown): never => fail(`is cut short or damaged: ${why}.`, cause);
  const entries = readDirectory(source, damaged);
  const limit = Math.max(ALWAYS_ALLOWED, MAX_RATIO * source.size);
  const unpacked = new Map<string, Uint8Array>();
  let total = 0;

  const begins = new Map<string, number>();
  const beginOf = (name: string, entry: Entry): number => {
    const begin = begins.get(name) ?? dataStart(source, name, entry, damaged);
    if (entry.packed > source.size - begin) damaged(`${shown(name)} reaches past its end`);
    begins.set(name, begin);
    return begin;
  };
  const unpack = (name: string, entry: Entry): Uint8Array => {
    const begin = beginOf(name, entry);
    total += entry.size;
    if (total > limit) {
      fail(`unpacks to more than ${limit} bytes, and weights do not shrink so much: it is refused as a zip bomb.`);
    }
    const content = inflate(source.read(begin, begin + entry.packed), entry.size, name, damaged);
    unpacked.set(name, content);
    return content;
  };
  const read = (name: string, begin = 0, end = entries.get(name)?.size): Uint8Array => {
    const entry = entries.get(name) ?? damaged(`there is no ${shown(name)} in it`);
    if (entry.method !== 0) return (unpacked.get(name) ?? unpack(name, entry)).subarray(begin, end);
    const from = beginOf(name, entry);
    return source.read(from + begin, from + end!);
  };
  const stored = [...entries.values()].every(({ method }) => method === 0);
  return { names: [...entries.keys()], stored, sizeOf: (name) => entries.get(name)?.size, read };
}

function inflate(bytes: Uint8Array, size: number, name: string, damaged: Fail): Uint8Array {
  let content: Uint8Array;
  try {
    // One byte more than it should be, so that too much is noticed.
    content = inflateSync(bytes, { out: new Uint8Array(size + 1) });
  } catch (cause) {
    return damaged(`${shown(name)} cannot be unpacked`, cause);
  }
  return content.length === size
    ? content
    : damaged(`${shown(name)} does not unpack to the ${size} bytes that it should`);
}

function dataStart(source: ByteSource, name: string, { header }: Entry, damaged: Fail): number {
  if (header > source.size - LOCAL_SIZE) damaged(`${shown(name)} begins past its end`);
  const view = viewOf(source.read(header, header + LOCAL_SIZE));
  const nameLength = view.getUint16(26, true);
  const begin = header + LOCAL_SIZE + nameLength + view.getUint16(28, true);
  if (view.getUint32(0, true) !== LOCAL || begin > source.size) damaged(`${shown(name)} is not where it should be`);
  const own = utf8.decode(source.read(header + LOCAL_SIZE, header + LOCAL_SIZE + nameLength));
  if (own !== name) damaged(`${shown(name)} is called ${shown(own)} where it lies`);
  return begin;
}

function readDirectory(source: ByteSource, damaged: Fail): Map<string, Entry> {
  const { offset, size, count } = findDirectory(source, damaged);
  if (offset + size > source.size) damaged("its directory reaches past its end");
  const directory = source.read(offset, offset + size);
  const view = viewOf(directory);
  const entries = new Map<string, Entry>();
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_SIZE > size || view.getUint32(at, true) !== CENTRAL) damaged("its directory is incomplete");
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const end = at + CENTRAL_SIZE + nameLength + extraLength + view.getUint16(at + 32, true);
    if (end > size) damaged("its directory is incomplete");
    const name = utf8.decode(directory.subarray(at + CENTRAL_SIZE, at + CENTRAL_SIZE + nameLength));
    const flags = view.getUint16(at + 8, true);
    const method = view.getUint16(at + 10, true);
    if (flags & 1) damaged(`${shown(name)} in it is encrypted`);
    if (method !== 0 && method !== 8) damaged(`${shown(name)} in it is packed by method ${method}; 0 and 8 are read`);
    if (entries.has(name)) damaged(`${shown(name)} is in it twice`);
    const wide = wideNumbers(view, at + CENTRAL_SIZE + nameLength, extraLength);
    const number = (position: number) => {
      const value = view.getUint32(position, true);
      return value === 0xffffffff ? (wide.shift() ?? value) : value;
    };
    const unpackedSize = number(at + 24);
    const packed = number(at + 20);
    const header = number(at + 42);
    if (method === 0 && packed !== unpackedSize) damaged(`${shown(name)} is stored, and yet has two sizes`);
    entries.set(name, { method, packed, size: unpackedSize, header });
    at = end;
  }
  return entries;
}

/** The 64-bit numbers of an entry, in the order in which they replace 32-bit ones. */
function wideNumbers(view: DataView, from: number, length: number): number[] {
  let at = from;
  while (at + 4 <= from + length) {
    const end = at + 4 + view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === EXTRA_64 && end <= from + length) {
      return Array.from({ length: Math.floor((end - at - 4) / 8) }, (_, i) => u64(view, at + 4 + 8 * i));
    }
    at = end;
  }
  return [];
}

function findDirectory(source: ByteSource, damaged: Fail): { offset: number; size: number; count: number } {
  const tailStart = Math.max(0, source.size - END_SIZE - MAX_COMMENT);
  const view = viewOf(source.read(tailStart, source.size));
  let at = view.byteLength - END_SIZE;
  while (
    at >= 0 &&
    !(view.getUint32(at, true) === END && at + END_SIZE + view.getUint16(at + 20, true) === view.byteLength)
  ) {
    at--;
  }
  if (at < 0) damaged("it begins as a zip archive, but the directory at its end is missing");
  const count = view.getUint16(at + 10, true);
  const size = view.getUint32(at + 12, true);
  const offset = view.getUint32(at + 16, true);
  const locator = at - 20;
  if (locator < 0 || view.getUint32(locator, true) !== LOCATOR_64) return { offset, size, count };
  const end64 = u64(view, locator + 8);
  if (end64 > source.size - 56) damaged("its 64-bit directory reaches past its end");
  const wide = viewOf(source.read(end64, end64 + 56));
  if (wide.getUint32(0, true) !== END_64) damaged("its 64-bit directory is not where it should be");
  return { count: u64(wide, 32), size: u64(wide, 40), offset: u64(wide, 48) };
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const u64 = (view: DataView, at: number) => view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
