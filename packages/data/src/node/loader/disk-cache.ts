import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ByteImage } from "../../image/byte-image.ts";

/** Changes when cached images would no longer be what is decoded. */
const VERSION = 1;
/** Height, width and channels, before the bytes of each image. */
export const CACHE_HEADER_BYTES = 12;

/**
 * Images as bytes in a folder, each by a hash of all that it depends on. A file is complete or not there; a damaged one counts
 * as not there.
 */
export class DiskCache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param key All that decides the pixels: file, stamp, range, steps. */
  read(key: unknown): ByteImage | undefined {
    let file: Buffer;
    try {
      file = readFileSync(this.#path(key));
    } catch {
      return undefined; // Not there, or not readable: decoding does it as well.
    }
    if (file.length < CACHE_HEADER_BYTES) return undefined;
    const [height, width, channels] = [file.readUInt32LE(0), file.readUInt32LE(4), file.readUInt32LE(8)];
    if ((channels !== 1 && channels !== 3) || file.length !== CACHE_HEADER_BYTES + height * width * channels)
      return undefined;
    return { height, width, channels, data: file.subarray(CACHE_HEADER_BYTES) };
  }

  /**
   * @returns The bytes that it takes; 0 where it cannot be written, since a cache must not end a training.
   */
  write(key: unknown, { height, width, channels, data }: ByteImage): number {
    const path = this.#path(key);
    const temporary = `${path}.${randomUUID()}.tmp`;
    const header = Buffer.alloc(CACHE_HEADER_BYTES);
    [height, width, channels].forEach((value, i) => {
      header.writeUInt32LE(value, 4 * i);
    });
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(temporary, Buffer.concat([header, data]));
      renameSync(temporary, path);
      return CACHE_HEADER_BYTES + data.length;
    } catch {
      rmSync(temporary, { force: true });
      return 0;
    }
  }

  #path(key: unknown): string {
    const hash = createHash("sha256")
      .update(JSON.stringify([VERSION, key]))
      .digest("hex");
    return join(this.#folder, hash.slice(0, 2), `${hash.slice(2)}.bytes`);
  }
}
