import { halfToNumber, RepvggError } from "@repvgg/core";

/** Bytes of one element of each type that is read. */
export const DTYPE_BYTES = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const;

export type Dtype = keyof typeof DTYPE_BYTES;

export const isDtype = (name: unknown): name is Dtype => typeof name === "string" && Object.hasOwn(DTYPE_BYTES, name);

/** {@link toFloat32} without a copy where none is needed: the result may be a view of `bytes`. */
export function viewAsFloat32(bytes: Uint8Array, dtype: Dtype): Float32Array {
  if (dtype !== "F32" || bytes.byteOffset % 4 !== 0) return toFloat32(bytes, dtype);
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

/**
 * The elements of a tensor as float32, rounded where the type is wider. The bytes are little-endian, as every platform that
 * runs JavaScript today.
 */
export function toFloat32(bytes: Uint8Array, dtype: Dtype): Float32Array {
  // A copy: aligned, and independent of the file's bytes. (Node's Buffer overrides slice().)
  const { buffer } = Uint8Array.prototype.slice.call(bytes);
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer);
    case "F64":
      return Float32Array.from(new Float64Array(buffer));
    case "F16":
      return Float32Array.from(new Uint16Array(buffer), halfToNumber);
    case "BF16":
      return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer);
    case "I64":
      return Float32Array.from(new BigInt64Array(buffer), Number);
    case "U64":
      return Float32Array.from(new BigUint64Array(buffer), Number);
    case "I32":
      return Float32Array.from(new Int32Array(buffer));
    case "U32":
      return Float32Array.from(new Uint32Array(buffer));
    case "I16":
      return Float32Array.from(new Int16Array(buffer));
    case "U16":
      return Float32Array.from(new Uint16Array(buffer));
    case "I8":
      return Float32Array.from(new Int8Array(buffer));
    case "U8":
    case "BOOL":
      return Float32Array.from(bytes);
  }
}

/** float32 as bytes, in the type that it is written in. */
export function fromFloat32(values: Float32Array, dtype: "F32" | "I64"): Uint8Array {
  if (dtype === "F32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  if (!values.every(Number.isInteger)) {
    throw new RepvggError(
      "E_CHECKPOINT",
      `Only whole numbers can be written as int64, got ${values.find((v) => !Number.isInteger(v))}.`,
    );
  }
  return new Uint8Array(BigInt64Array.from(values, (value) => BigInt(value)).buffer);
}
