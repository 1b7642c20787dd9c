import { RepvggError } from "@repvgg/core";

/** One field of a message: a varint's or a fixed32's value, or the bytes of a string or message. */
export type ProtobufField =
  | { readonly field: number; readonly kind: "integer" | "float"; readonly value: number }
  | { readonly field: number; readonly kind: "bytes"; readonly value: Uint8Array };

/**
 * The fields of one protobuf message, in order. Byte fields are views of `bytes`, so nothing is allocated on a file's word.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: a length reaches past the end, or what is there is no field.
 */
export function* readProtobuf(bytes: Uint8Array, source: string): Generator<ProtobufField> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const fail = (what: string): never => {
    throw new RepvggError("E_CHECKPOINT", `${source} is damaged or no ONNX file: ${what} at byte ${at} of a message.`);
  };
  const take = (length: number): number => {
    if (length > bytes.length - at) fail("a field reaches past the end");
    at += length;
    return at - length;
  };
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 10; shift++) {
      const byte = bytes[take(1)]!;
      value += (byte % 128) * 2 ** (7 * shift);
      if (byte < 128) return value;
    }
    return fail("a number does not end");
  };
  while (at < bytes.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        yield { field, kind: "integer", value: varint() };
        break;
      case 1:
        take(8); // No field that is read here is a double.
        break;
      case 2: {
        const length = varint();
        const from = take(length);
        yield { field, kind: "bytes", value: bytes.subarray(from, from + length) };
        break;
      }
      case 5:
        yield { field, kind: "float", value: view.getFloat32(take(4), true) };
        break;
      default:
        fail(`a field of the unknown type ${tag % 8}`);
    }
  }
}
