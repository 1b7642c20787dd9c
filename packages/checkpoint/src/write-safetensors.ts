import { RepvggError, sizeOf } from "@repvgg/core";
import { type Content, joined } from "./content.ts";
import { DTYPE_BYTES } from "./dtypes.ts";
import type { RawTensor } from "./read-safetensors.ts";
import type { StoredTensor } from "./stored-weights.ts";

/**
 * The bytes of a safetensors file.
 *
 * Wide types come first and the header is padded to 8 bytes, so every tensor is aligned to its type: readers can map the file.
 *
 * @param tensors By name; borrowed.
 * @throws {RepvggError} `E_CHECKPOINT`: a tensor's bytes do not fit its shape, or it has the name of the metadata.
 * @see https://github.com/huggingface/safetensors#format
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, RawTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const stored = [...tensors].map(([name, { dtype, shape, data }]) => {
    const needed = sizeOf(shape) * DTYPE_BYTES[dtype];
    if (data.length !== needed) refuse(name, { dtype, shape }, `it needs ${needed} bytes and has ${data.length}.`);
    return [name, { dtype, shape, read: () => data }] as const;
  });
  return joined(safetensorsContent(new Map(stored), metadata));
}

/**
 * {@link writeSafetensors} without the file in memory: each tensor is read when it is written.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: a tensor has the name of the metadata.
 */
export function safetensorsContent(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>>,
): Content {
  const ordered = [...tensors].sort(([, a], [, b]) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype]);
  let offset = 0;
  const entries = ordered.map(([name, { dtype, shape }]) => {
    if (name === "__metadata__") refuse(name, { dtype, shape }, "the name is reserved.");
    const begin = offset;
    offset += sizeOf(shape) * DTYPE_BYTES[dtype];
    return [name, { dtype, shape, data_offsets: [begin, offset] }] as const;
  });
  const hasMetadata = Object.keys(metadata).length > 0;
  const json = JSON.stringify(
    Object.fromEntries([...(hasMetadata ? [["__metadata__", metadata] as const] : []), ...entries]),
  );
  const header = new TextEncoder().encode(json);
  const headerLength = Math.ceil(header.length / 8) * 8;
  const head = new Uint8Array(8 + headerLength);
  new DataView(head.buffer).setUint32(0, headerLength, true);
  head.set(header, 8);
  head.fill(0x20, 8 + header.length);
  return {
    size: head.length + offset,
    *chunks() {
      yield head;
      for (const [, tensor] of ordered) yield tensor.read();
    },
  };
}

function refuse(name: string, { dtype, shape }: Pick<RawTensor, "dtype" | "shape">, why: string): never {
  throw new RepvggError("E_CHECKPOINT", `Tensor "${name}" [${shape.join(", ")}] of ${dtype} cannot be written: ${why}`);
}
