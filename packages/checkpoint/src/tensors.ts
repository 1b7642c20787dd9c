import { firstNotFinite, type NdArray, RepvggError } from "@repvgg/core";
import { fromFloat32, toFloat32 } from "./dtypes.ts";
import { type RawTensor, readSafetensors } from "./read-safetensors.ts";
import { writeSafetensors } from "./write-safetensors.ts";

const LISTED = 2_000;

export interface Tensors {
  readonly tensors: Map<string, NdArray>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Named arrays as a safetensors file, float32, axes as they are. */
export function serializeTensors(
  tensors: ReadonlyMap<string, NdArray>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const raw = new Map<string, RawTensor>();
  for (const [name, { shape, data }] of tensors) raw.set(name, { dtype: "F32", shape, data: fromFloat32(data, "F32") });
  return writeSafetensors(raw, metadata);
}

/**
 * The arrays of a safetensors file as float32, axes as they are.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: the file is damaged.
 */
export function parseTensors(bytes: Uint8Array, source?: string): Tensors {
  const { tensors, metadata } = readSafetensors(bytes, source);
  const arrays = new Map<string, NdArray>();
  for (const [name, { dtype, shape, data }] of tensors) arrays.set(name, { shape, data: toFloat32(data, dtype) });
  return { tensors: arrays, metadata };
}

/** @throws {RepvggError} `E_CHECKPOINT`: elements are NaN or infinite; the message names all tensors that have some. */
export function checkFinite(tensors: Iterable<readonly [name: string, array: NdArray]>, source: string): void {
  const found = [...tensors].flatMap(([name, { data }]) => {
    const index = firstNotFinite(data);
    return index === -1 ? [] : [`${data[index]} in tensor "${name}" (element ${index})`];
  });
  if (found.length === 0) return;
  const more = found.length > LISTED ? ` and in ${found.length - LISTED} more tensors` : "";
  throw new RepvggError(
    "E_CHECKPOINT",
    `${source} has ${found.slice(0, LISTED).join(", ")}${more}: a training that diverged, or a damaged file. ` +
      "Take an earlier checkpoint.",
  );
}

/** `known` where it has the shape and bits of `array`, which then can be forgotten; otherwise `array`. */
export function reused(array: NdArray, known: NdArray | undefined): NdArray {
  if (known === undefined || String(known.shape) !== String(array.shape)) return array;
  const [a, b] = [array, known].map(({ data }) => new Int32Array(data.buffer, data.byteOffset, data.length));
  for (let i = 0; i < a!.length; i++) if (a![i] !== b![i]) return array;
  return known;
}
