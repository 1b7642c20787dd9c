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

/** Looks for elements that are NaN or infinite, and names all tensors that have some. */
export class FiniteCheck {
  readonly #found = new Map<string, string>();
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  /** @param first The element that the values begin with, where they are a part of the tensor. */
  look(name: string, values: Float32Array, first = 0): void {
    const index = firstNotFinite(values);
    if (index === -1 || this.#found.has(name)) return;
    this.#found.set(name, `${values[index]} in tensor "${name}" (element ${first + index})`);
  }

  /** @throws {RepvggError} `E_CHECKPOINT`: some were found. */
  finish(): void {
    const { size } = this.#found;
    if (size === 0) return;
    const more = size > LISTED ? ` and in ${size - LISTED} more tensors` : "";
    throw new RepvggError(
      "E_CHECKPOINT",
      `${this.#source} has ${[...this.#found.values()].slice(0, LISTED).join(", ")}${more}: a training that diverged, or a ` +
        "damaged file. Take an earlier checkpoint.",
    );
  }
}

/** @throws {RepvggError} `E_CHECKPOINT`: elements are NaN or infinite; the message names all tensors that have some. */
export function checkFinite(tensors: Iterable<readonly [name: string, array: NdArray]>, source: string): void {
  const check = new FiniteCheck(source);
  for (const [name, { data }] of tensors) check.look(name, data);
  check.finish();
}
