import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { RepvggError } from "@repvgg/core";
import type { ByteSource } from "../byte-source.ts";

/** A file of which only what is asked for is read. */
export function fileSource(file: string): ByteSource & { close(): void } {
  const descriptor = openSync(file, "r");
  const { size } = fstatSync(descriptor);
  const read = (begin: number, end: number): Uint8Array => {
    const bytes = new Uint8Array(end - begin);
    for (let done = 0; done < bytes.length; ) {
      const count = readSync(descriptor, bytes, done, bytes.length - done, begin + done);
      if (count === 0) throw new RepvggError("E_CHECKPOINT", `${file} became shorter while it was read.`);
      done += count;
    }
    return bytes;
  };
  return { size, read, close: () => closeSync(descriptor) };
}
