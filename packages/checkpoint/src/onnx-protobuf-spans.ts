import { RepvggError } from "@repvgg/core";
import type { ByteSource } from "./byte-source.ts";

/** One field of a message that stays in its file: a varint's value, or where the bytes of a string or message lie. */
export type ProtobufSpan =
  | { readonly field: number; readonly kind: "integer"; readonly value: number }
  | { readonly field: number; readonly kind: "bytes"; readonly begin: number; readonly end: number };

/** A tag and a length, of 10 bytes at most each. */
const MAX_HEAD_BYTES = 20;

/**
 * The fields of a message in a file, in order, as `readProtobuf` gives those of one in memory. Only what tells where they are is read;
 * fields of 32 and 64 bits are passed over.
 *
 * @param begin Where the message begins, and `end` where it ends.
 * @throws {RepvggError} `E_CHECKPOINT`: a length reaches past the end, or what is there is no field.
 */
export function* protobufSpans(file: ByteSource, begin: number, end: number, source: string): Generator<ProtobufSpan> {
  let at = begin;
  const fail = (what: string): never => {
    throw new RepvggError("E_CHECKPOINT", `${source} is damaged or no ONNX file: ${what} at its byte ${at}.`);
  };
  const skip = (length: number): void => {
    if (length > end - at) fail("a field reaches past the end");
    at += length;
  };
  while (at < end) {
    const head = file.read(at, Math.min(end, at + MAX_HEAD_BYTES));
    let read = 0;
    const varint = (): number => {
      let value = 0;
      for (let shift = 0; shift < 10; shift++) {
        const byte = head[read++] ?? fail("a field reaches past the end");
        value += (byte % 128) * 2 ** (7 * shift);
        if (byte < 128) return value;
      }
      return fail("a number does not end");
    };
    const tag = varint();
    const field = Math.floor(tag / 8);
    const value = tag % 8 === 0 || tag % 8 === 2 ? varint() : 0;
    at += read;
    switch (tag % 8) {
      case 0:
        yield { field, kind: "integer", value };
        break;
      case 1:
        skip(8);
        break;
      case 2:
        skip(value);
        yield { field, kind: "bytes", begin: at - value, end: at };
        break;
      case 5:
        skip(4);
        break;
      default:
        fail(`a field of the unknown type ${tag % 8}`);
    }
  }
}
