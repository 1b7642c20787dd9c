import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { RepvggError } from "@repvgg/core";
import type { ByteSource } from "../byte-source.ts";

/** A file of which only what is asked for is read, each time into the same memory: fresh memory takes as long as reading does. */
export function fileSource(file: string): ByteSource & { close(): void } {
  const descriptor = openSync(file, "r");
  const { size } = fstatSync(descriptor);
  let memory = new ArrayBuffer(0);
  const read = (begin: number, end: number): Uint8Array => {
    if (memory.byteLength < end - begin) memory = new ArrayBuffer(end - begin);
    const bytes = new Uint8Array(memory, 0, end - begin);
    for (let done = 0; done < bytes.length; ) {
      const count = readSync(descriptor, bytes, done, bytes.length - done, begin + done);
      if (count === 0) throw new RepvggError("E_CHECKPOINT", `${file} became shorter while it was read.`);
      done += count;
    }
    return bytes;
  };
  return { size, read, close: () => closeSync(descriptor) };
}
