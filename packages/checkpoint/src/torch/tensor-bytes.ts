import { sizeOf } from "@repvgg/core";
import type { Fail } from "../byte-source.ts";
import { DTYPE_BYTES } from "../dtypes.ts";
import type { StoredTensor } from "../stored-weights.ts";
import { shown, type TorchTensor } from "./py-values.ts";

/**
 * Checks that a tensor lies inside its storage, before anything is allocated for it.
 *
 * @param storageSize Bytes that the storage really has.
 * @param readStorage Bytes of it, when they are needed.
 */
export function checkTensor(
  name: string,
  tensor: TorchTensor,
  storageSize: number | undefined,
  readStorage: (begin: number, end: number) => Uint8Array,
  bigEndian: boolean,
  fail: Fail,
): StoredTensor {
  const { storage, shape, strides, dtype, type } = tensor;
  const subject = `tensor "${shown(name)}"`;
  if (dtype === undefined) fail(`has ${subject} of the type ${shown(type)}, which is not read.`);
  const bytes = DTYPE_BYTES[dtype!];
  const elements = sizeOf(shape);
  if (storageSize === undefined) fail(`is damaged: the storage ${shown(storage.key)} of ${subject} is missing.`);
  const begin = storage.begin * storage.bytesPerElement + tensor.offset * bytes;
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, 0);
  const end = elements === 0 ? begin : begin + (last + 1) * bytes;
  const available = Math.min(storageSize!, (storage.begin + storage.length) * storage.bytesPerElement);
  if (!Number.isSafeInteger(elements) || !Number.isSafeInteger(end) || (elements > 0 && end > available)) {
    fail(`is damaged: ${subject} [${shape.join(", ")}] reaches to byte ${end} of its storage, which has ${available}.`);
  }
  const ordered = (bytesOfTensor: Uint8Array) => (bigEndian ? swapped(bytesOfTensor, bytes) : bytesOfTensor);
  if (elements === 0) return { dtype: dtype!, shape, read: () => new Uint8Array() };
  if (!isRowMajor(shape, strides)) {
    const read = () => ordered(gather(readStorage(begin, end), shape, strides, bytes));
    return { dtype: dtype!, shape, read };
  }
  const readPart = (from: number, to: number) => ordered(readStorage(begin + from, begin + to));
  return { dtype: dtype!, shape, read: () => readPart(0, end - begin), readPart };
}

function isRowMajor(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

/** Elements of a view with any strides, in row-major order. */
function gather(from: Uint8Array, shape: readonly number[], strides: readonly number[], bytes: number): Uint8Array {
  const result = new Uint8Array(sizeOf(shape) * bytes);
  const index = shape.map(() => 0);
  let position = 0;
  for (let at = 0; at < result.length; at += bytes) {
    for (let b = 0; b < bytes; b++) result[at + b] = from[position * bytes + b]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      position -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}

function swapped(bytes: Uint8Array, size: number): Uint8Array {
  const result = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) result[at] = bytes[at - (at % size) + (size - 1 - (at % size))]!;
  return result;
}
