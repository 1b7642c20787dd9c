import { RepvggError, sizeOf } from "@repvgg/core";
import { DTYPE_BYTES } from "./dtypes.ts";
import type { RawTensor } from "./read-safetensors.ts";

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
  const ordered = [...tensors].sort(([, a], [, b]) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype]);
  let offset = 0;
  const entries = ordered.map(([name, { dtype, shape, data }]) => {
    const needed = sizeOf(shape) * DTYPE_BYTES[dtype];
    if (name === "__metadata__" || data.length !== needed) {
      throw new RepvggError(
        "E_CHECKPOINT",
        `Tensor "${name}" [${shape.join(", ")}] of ${dtype} cannot be written: ` +
          (data.length === needed ? "the name is reserved." : `it needs ${needed} bytes and has ${data.length}.`),
      );
    }
    const begin = offset;
    offset += needed;
    return [name, { dtype, shape, data_offsets: [begin, offset] }] as const;
  });
  const hasMetadata = Object.keys(metadata).length > 0;
  const json = JSON.stringify(
    Object.fromEntries([...(hasMetadata ? [["__metadata__", metadata] as const] : []), ...entries]),
  );
  const header = new TextEncoder().encode(json);
  const headerLength = Math.ceil(header.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength + offset);
  new DataView(bytes.buffer).setUint32(0, headerLength, true);
  bytes.set(header, 8);
  bytes.fill(0x20, 8 + header.length, 8 + headerLength);
  let at = 8 + headerLength;
  for (const [, { data }] of ordered) {
    bytes.set(data, at);
    at += data.length;
  }
  return bytes;
}
