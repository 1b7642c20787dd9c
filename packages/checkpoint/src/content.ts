/** A file that is made piece by piece, so that it need not be in memory as a whole. */
export interface Content {
  /** Bytes of all chunks together. */
  readonly size: number;
  /** The bytes in order, made anew at each call; each chunk is borrowed until the next is asked for. */
  chunks(): Iterable<Uint8Array>;
}

/** The whole file. */
export function joined({ size, chunks }: Content): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks()) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
