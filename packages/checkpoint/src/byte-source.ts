import { RepvggError } from "@repvgg/core";

/** A file's bytes, in memory or still on the disk. */
export interface ByteSource {
  readonly size: number;
  /** Bytes `begin` to `end`, which must be inside the file. What comes back is borrowed until the next read. */
  read(begin: number, end: number): Uint8Array;
}

/** Bytes that are in memory; reading copies nothing. */
export function memorySource(bytes: Uint8Array): ByteSource {
  // A plain view: Node's Buffer overrides slice().
  const file = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { size: file.length, read: (begin, end) => file.subarray(begin, end) };
}

/** Throws a `RepvggError`; `why` goes on after the file's name. */
export type Fail = (why: string, cause?: unknown) => never;

/** What readers throw with: `E_CHECKPOINT`, the message beginning with the file's name. */
export function failureOf(source: string): Fail {
  return (why, cause) => {
    throw new RepvggError("E_CHECKPOINT", `${source} ${why}`, { cause });
  };
}
