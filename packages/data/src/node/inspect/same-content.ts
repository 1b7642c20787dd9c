import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { ByteSource } from "../../image-header.ts";

const PIECE_BYTES = 1 << 20;
/** Enough to tell nearly all different images apart. */
const START_BYTES = 4096;

/**
 * Finds items of the same bytes without reading all of each: only those of equal length and beginning are read whole.
 */
export class SameContent {
  readonly #first = new Map<string, number>();
  readonly #candidates = new Map<string, number[]>();

  /** Remembers an item by what its source has now. */
  add(index: number, source: ByteSource): void {
    const key = `${source.length}:${crc32(source.read(0, START_BYTES))}`;
    const first = this.#first.get(key);
    if (first === undefined) {
      this.#first.set(key, index);
      return;
    }
    const candidates = this.#candidates.get(key);
    if (candidates) candidates.push(index);
    else this.#candidates.set(key, [first, index]);
  }

  /**
   * Groups of at least two items with the same bytes, each in the order of its items.
   *
   * @param open Gives an item's source again; undefined where it is gone.
   */
  groups(open: (index: number) => ByteSource | undefined): number[][] {
    const groups: number[][] = [];
    for (const candidates of this.#candidates.values()) {
      const byHash = new Map<string, number[]>();
      for (const index of candidates) {
        const source = open(index);
        if (source === undefined) continue;
        const hash = hashOf(source);
        const group = byHash.get(hash);
        if (group) group.push(index);
        else byHash.set(hash, [index]);
      }
      groups.push(...[...byHash.values()].filter((group) => group.length > 1));
    }
    return groups;
  }
}

function hashOf(source: ByteSource): string {
  const hash = createHash("sha1");
  for (let at = 0; at < source.length; at += PIECE_BYTES) hash.update(source.read(at, PIECE_BYTES));
  return hash.digest("base64");
}
