import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { RepvggError } from "@repvgg/core";
import { type IdxArray, readIdx } from "../idx.ts";

const GZIP_MAGIC = [0x1f, 0x8b];

/**
 * Reads an idx file, decompressing it where it is gzip (told by its first bytes, not its name).
 *
 * @throws {RepvggError} `E_DATA`: the file cannot be read, is damaged, or is no idx file of bytes.
 */
export async function readIdxFile(file: string): Promise<IdxArray> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new RepvggError("E_DATA", `${file} cannot be read: ${(cause as Error).message}.`, { cause });
  }
  if (GZIP_MAGIC.every((byte, i) => bytes[i] === byte)) {
    try {
      bytes = await promisify(gunzip)(bytes);
    } catch (cause) {
      throw new RepvggError(
        "E_DATA",
        `${file} cannot be decompressed: ${(cause as Error).message}. The download is perhaps incomplete: fetch it again.`,
        { cause },
      );
    }
  }
  return readIdx(bytes, file);
}
