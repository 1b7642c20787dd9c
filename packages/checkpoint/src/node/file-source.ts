import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { RepvggError } from "@repvgg/core";
import type { ByteSource } from "../byte-source.ts";

/**
 * A file of which only what is asked for is read, each time into the same memory: fresh memory takes as long as reading does.
 *
 * It is open only while something reads it without giving way to the event loop: nobody has to close it.
 *
 * @throws {RepvggError} from `read`, `E_CHECKPOINT`: it is another file than at first, or became shorter.
 */
export function fileSource(file: string): ByteSource {
  let memory = new ArrayBuffer(0);
  let open: number | undefined;
  const opened = (): number => {
    if (open !== undefined) return open;
    const descriptor = openSync(file, "r");
    open = descriptor;
    setImmediate(() => {
      open = undefined;
      closeSync(descriptor);
    });
    return descriptor;
  };
  const first = fstatSync(opened(), { bigint: true });
  const read = (begin: number, end: number): Uint8Array => {
    if (open === undefined && !isSame(fstatSync(opened(), { bigint: true }), first)) {
      throw new RepvggError("E_CHECKPOINT", `${file} was changed while it was in use. Load it again.`);
    }
    const descriptor = opened();
    if (memory.byteLength < end - begin) memory = new ArrayBuffer(end - begin);
    const bytes = new Uint8Array(memory, 0, end - begin);
    for (let done = 0; done < bytes.length; ) {
      const count = readSync(descriptor, bytes, done, bytes.length - done, begin + done);
      if (count === 0) throw new RepvggError("E_CHECKPOINT", `${file} became shorter while it was read.`);
      done += count;
    }
    return bytes;
  };
  return { size: Number(first.size), read };
}

interface Identity {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

const isSame = (a: Identity, b: Identity): boolean =>
  a.dev === b.dev && a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs;
