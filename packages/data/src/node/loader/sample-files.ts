import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { RepvggError } from "@repvgg/core";
import type { EncodedSample } from "../../encoded-dataset.ts";

export interface SampleFile {
  /** Time of change and size: another file has another stamp. */
  readonly stamp: string;
  /** The encoded image. */
  read(): Uint8Array;
}

/**
 * Opens the file of a sample, for as long as `use` runs. Synchronous: a thread that decodes has nothing else to do.
 *
 * @throws {RepvggError} `E_DATA`: it cannot be read, is no regular file, or is shorter than the sample says.
 */
export async function withSampleFile<T>(sample: EncodedSample, use: (file: SampleFile) => Promise<T>): Promise<T> {
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
      read: () => readRange(opened, offset, length),
    });
  } catch (cause) {
    if (cause instanceof RepvggError) throw cause;
    throw new RepvggError("E_DATA", `${name} cannot be read from ${file}: ${(cause as Error).message}.`, { cause });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function readRange(descriptor: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const count = readSync(descriptor, bytes, done, length - done, offset + done);
    if (count === 0) throw new Error(`it ended after ${done} of ${length} bytes`);
    done += count;
  }
  return bytes;
}
