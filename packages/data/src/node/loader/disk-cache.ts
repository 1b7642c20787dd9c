import { createHash, randomUUID } from "node:crypto";
import { closeSync, fstatSync, futimesSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { ByteImage } from "../../image/byte-image.ts";
import { makeFolder } from "../make-folder.ts";

/** Changes when cached images would no longer be what is decoded. */
const VERSION = 1;
/** Height, width and channels, before the bytes of each image. */
export const CACHE_HEADER_BYTES = 12;
/** Ends of file names: an image, and one that is being written. */
export const CACHED_IMAGE = ".bytes";
export const TEMPORARY = ".tmp";

/**
 * Images as bytes in a folder, each by a hash of all that it depends on. A file is complete or not there; a damaged one counts
 * as not there.
 */
export class DiskCache {
  readonly #folder: string;
  readonly #startMs = Date.now();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param key All that decides the pixels: file, stamp, range, steps. */
  read(key: unknown): ByteImage | undefined {
    const file = this.#readUsed(this.#path(key));
    if (file === undefined || file.length < CACHE_HEADER_BYTES) return undefined;
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

  /** Reads a file, whose time of change becomes that of its use: what is oldest by it makes room for others. */
  #readUsed(path: string): Buffer | undefined {
    let descriptor: number | undefined;
    try {
      descriptor = openSync(path, "r");
      const bytes = readFileSync(descriptor);
      if (fstatSync(descriptor).mtimeMs < this.#startMs) noteUse(descriptor);
      return bytes;
    } catch {
      return undefined; // Not there, or not readable: decoding does it as well.
    } finally {
      if (descriptor !== undefined) closeSync(descriptor);
    }
  }

  #path(key: unknown): string {
    const hash = createHash("sha256")
      .update(JSON.stringify([VERSION, key]))
      .digest("hex");
    return join(this.#folder, hash.slice(0, 2), `${hash.slice(2)}${CACHED_IMAGE}`);
  }
}

function noteUse(descriptor: number): void {
  const now = Date.now() / 1000;
  try {
    futimesSync(descriptor, now, now);
  } catch {
    // Another user's file may be read, and looks unused.
  }
}
