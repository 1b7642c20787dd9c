import { RepvggError } from "@repvgg/core";

/** Bytes that come one after the other: of a file, where skipping costs nothing, or of a stream. */
export interface TarSource {
  /** Of the next byte. */
  readonly position: number;
  /** Absent: not known, of a stream. */
  readonly size?: number;
  /** The next `length` bytes; fewer at the end. Valid until the next call. */
  read(length: number): Promise<Uint8Array>;
  /** @returns how many were skipped; fewer at the end. */
  skip(length: number): Promise<number>;
}

/** A file in an archive. */
export interface TarEntry {
  readonly name: string;
  /** Of its first byte in the archive. */
  readonly offset: number;
  readonly length: number;
  /** Its bytes, once, before the next entry is asked for. A copy. */
  read(): Promise<Uint8Array>;
}

const BLOCK = 512;
/** Of a long name or a pax header: more is damage. */
const MAX_EXTRA_BYTES = 1 << 20;
const text = new TextDecoder();

/** What stands before an entry and holds for it. */
interface Extra {
  readonly name?: string;
  readonly size?: number;
}

/**
 * The plain files of a tar archive, in their order: ustar, pax (POSIX.1-2001) and GNU's long names. Folders and links are left out.
 *
 * @param archive Its name, for messages.
 * @throws {RepvggError} `E_DATA`: it ends too early, or is damaged; the message names the archive and the byte.
 * @see POSIX.1-2017, pax; GNU tar, "Basic Tar Format"
 */
export async function* walkTar(source: TarSource, archive: string): AsyncGenerator<TarEntry> {
  let extra: Extra = {};
  for (;;) {
    const at = source.position;
    const block = await source.read(BLOCK);
    if (block.length === 0 || block.every((byte) => byte === 0)) return;
    checkHeader(block, archive, at);
    const type = String.fromCharCode(block[156]!);
    const length = (isMeta(type) ? undefined : extra.size) ?? numberAt(block, 124, 12);
    if (Number.isNaN(length)) throw damaged(archive, at, "a size that is no number");
    const name = extra.name ?? nameOf(block);
    checkRoom(source, archive, name, length);
    const begin = source.position;
    const end = begin + length + padding(length);
    if (isMeta(type)) {
      extra = { ...extra, ...(await readExtra(source, type, length, archive, at)) };
    } else {
      if (type === "S")
        throw damaged(archive, at, `"${name}" is a sparse file, which is not read. Pack it without --sparse`);
      if (type === "0" || type === "\0" || type === "7") yield entryOf(source, archive, name, length);
      extra = {};
    }
    const rest = end - source.position;
    const missing = rest - (await source.skip(rest));
    if (missing > 0) throw endsEarly(archive, name, length, Math.min(length, end - begin - missing), begin);
  }
}

/** Headers of other entries: pax (also for all that follow), and GNU's long names and links. */
const isMeta = (type: string) => "xgLK".includes(type);

const padding = (length: number) => (BLOCK - (length % BLOCK)) % BLOCK;

function entryOf(source: TarSource, archive: string, name: string, length: number): TarEntry {
  const offset = source.position;
  return {
    name,
    offset,
    length,
    async read() {
      const bytes = (await source.read(length)).slice();
      if (bytes.length < length) throw endsEarly(archive, name, length, bytes.length, offset);
      return bytes;
    },
  };
}

async function readExtra(source: TarSource, type: string, length: number, archive: string, at: number): Promise<Extra> {
  if (length > MAX_EXTRA_BYTES) throw damaged(archive, at, `a header of ${length} bytes`);
  const bytes = await source.read(length);
  if (bytes.length < length) throw endsEarly(archive, "a long name", length, bytes.length, at + BLOCK);
  if (type === "L") return { name: text.decode(bytes).replace(/\0.*$/s, "") };
  return type === "x" ? paxOf(text.decode(bytes)) : {};
}

/** `27 path=images/0001.jpg\n`: the length of the whole record, a key, a value. */
function paxOf(records: string): Extra {
  const [, name] = /(?:^|\n)\d+ path=([^\n]*)/.exec(records) ?? [];
  const [, size] = /(?:^|\n)\d+ size=(\d+)/.exec(records) ?? [];
  return { ...(name !== undefined && { name }), ...(size !== undefined && { size: Number(size) }) };
}

function nameOf(block: Uint8Array): string {
  const field = (offset: number, length: number) =>
    text.decode(block.subarray(offset, offset + length)).replace(/\0.*$/s, "");
  const prefix = field(257, 5) === "ustar" && block[263] === 0x30 ? field(345, 155) : ""; // GNU's has other things there
  return prefix === "" ? field(0, 100) : `${prefix}/${field(0, 100)}`;
}

/** Octal digits, or (GNU, above 8 GiB) a binary number with its highest bit set; NaN for anything else. */
function numberAt(block: Uint8Array, offset: number, length: number): number {
  const field = block.subarray(offset, offset + length);
  if (field[0]! & 0x80) return field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
  const digits = text.decode(field).replace(/\0.*$/s, "").trim();
  if (digits === "") return 0;
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

function checkHeader(block: Uint8Array, archive: string, at: number): void {
  if (block.length < BLOCK) throw damaged(archive, at, `${block.length} bytes of a header, where the archive ends`);
  const told = numberAt(block, 148, 8);
  const sum = block.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
  if (sum === told) return;
  if (at > 0) throw damaged(archive, at, "no header of an entry (its checksum is another one)");
  const isGzip = block[0] === 0x1f && block[1] === 0x8b;
  throw new RepvggError(
    "E_DATA",
    isGzip
      ? `${archive} is compressed. Decompress it (gunzip): images can then be read where they lie.`
      : `${archive} is no tar archive: it does not begin with the header of an entry.`,
  );
}

function checkRoom({ position, size }: TarSource, archive: string, name: string, length: number): void {
  if (size !== undefined && position + length > size) throw endsEarly(archive, name, length, size - position, position);
}

function endsEarly(archive: string, name: string, length: number, there: number, offset: number): RepvggError {
  const what = there < length ? `${Math.max(0, there)} of the ${length} bytes` : "not all of the last block";
  return damaged(archive, offset, `${what} of "${name}", where the archive ends`);
}

const damaged = (archive: string, at: number, what: string) =>
  new RepvggError("E_DATA", `${archive} is damaged: at byte ${at} it has ${what}. Fetch or pack it again.`);
