import { createHash, randomUUID } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ByteImage } from "../../image/byte-image.ts";
import { makeFolder } from "../make-folder.ts";

/** Changes when cached images would no longer be what is decoded. */
const VERSION = 1;
/** Height, width and channels, before the bytes of each image. */
export const CACHE_HEADER_BYTES = 12;
const COMPLETE = ".bytes";
const TEMPORARY = ".tmp";
/** No image takes as long to be written: who began it was killed. */
const ABANDONED_MS = 3_600_000;

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
    const { buffer, byteOffset } = file;
    const data = new Uint8Array(buffer, byteOffset + CACHE_HEADER_BYTES, height * width * channels);
    return { height, width, channels, data };
  }

  /** @returns The bytes that it takes. @throws The file system's error; nothing is left of the file. */
  async write(key: unknown, { height, width, channels, data }: ByteImage): Promise<number> {
    const path = this.#path(key);
    const header = Buffer.alloc(CACHE_HEADER_BYTES);
    [height, width, channels].forEach((value, i) => {
      header.writeUInt32LE(value, 4 * i);
    });
    await makeFolder(dirname(path));
    const temporary = `${path}.${randomUUID()}${TEMPORARY}`;
    try {
      writeFileSync(temporary, Buffer.concat([header, data]));
      renameSync(temporary, path);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
    return CACHE_HEADER_BYTES + data.length;
  }

  #path(key: unknown): string {
    const hash = createHash("sha256")
      .update(JSON.stringify([VERSION, key]))
      .digest("hex");
    return join(this.#folder, hash.slice(0, 2), `${hash.slice(2)}${COMPLETE}`);
  }
}

/** Removes what killed processes had begun to write. @returns The bytes of all images in the folder; 0 where there is none. */
export function tidyCache(folder: string): number {
  let bytes = 0;
  for (const name of namesIn(folder)) {
    const file = join(folder, name);
    const stats = statSync(file, { throwIfNoEntry: false }); // Another process may have removed it.
    if (name.endsWith(COMPLETE)) bytes += stats?.size ?? 0;
    if (name.endsWith(TEMPORARY) && stats && Date.now() - stats.mtimeMs > ABANDONED_MS) rmSync(file, { force: true });
  }
  return bytes;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: "utf8" });
  } catch {
    return []; // It does not exist yet, or cannot be read: writing to it will tell.
  }
}
