import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { RepvggError } from "@repvgg/core";
import type { EncodedSample } from "../../encoded-dataset.ts";

export interface SampleFile {
  /** Time of change and size: another file has another stamp. */
  readonly stamp: string;
  /** The encoded image, until the next one is read. */
  read(): Uint8Array;
}

/** Larger files are read into memory of their own, which is given back. */
const MOST_KEPT_BYTES = 2 ** 23;

/** Reads the files of samples, one after the other, into one piece of memory. */
export class SampleFiles {
  #kept = new Uint8Array();

  /**
   * Opens the file of a sample, for as long as `use` runs. Synchronous: a thread that decodes has nothing else to do.
   *
   * @throws {RepvggError} `E_DATA`: it cannot be read, is no regular file, or is shorter than the sample says.
   */
  async open<T>(sample: EncodedSample, use: (file: SampleFile) => Promise<T>): Promise<T> {
    const { name, file, offset = 0 } = sample;
    let descriptor: number | undefined;
    try {
      descriptor = openSync(file, "r");
      const stats = fstatSync(descriptor);
      if (!stats.isFile()) throw new Error("it is no regular file");
      const { length = stats.size - offset } = sample;
      if (length < 0 || offset + length > stats.size) throw new Error(`it ends at byte ${stats.size}`);
      const opened = descriptor;
      return await use({
        stamp: `${stats.mtimeMs}:${stats.size}`,
        read: () => readRange(opened, offset, this.#room(length)),
      });
    } catch (cause) {
      if (cause instanceof RepvggError) throw cause;
      throw new RepvggError("E_DATA", `${name} cannot be read from ${file}: ${(cause as Error).message}.`, { cause });
    } finally {
      if (descriptor !== undefined) closeSync(descriptor);
    }
  }

  #room(length: number): Uint8Array {
    if (length > MOST_KEPT_BYTES) return new Uint8Array(length);
    if (length > this.#kept.length) this.#kept = new Uint8Array(2 ** Math.ceil(Math.log2(length)));
    return this.#kept.subarray(0, length);
  }
}

/** @param bytes Filled. */
function readRange(descriptor: number, offset: number, bytes: Uint8Array): Uint8Array {
  for (let done = 0; done < bytes.length; ) {
    const count = readSync(descriptor, bytes, done, bytes.length - done, offset + done);
    if (count === 0) throw new Error(`it ended after ${done} of ${bytes.length} bytes`);
    done += count;
  }
  return bytes;
}
