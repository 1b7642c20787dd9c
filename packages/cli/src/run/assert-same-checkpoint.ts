import { isDeepStrictEqual } from "node:util";
import type { Checkpoint } from "@repvgg/checkpoint";
import { type NdArray, RepvggError } from "@repvgg/core";

/** @throws {RepvggError} `E_CHECKPOINT`: what was read back is another network, has other weights, or is used in another way. */
export function assertSameCheckpoint(written: Checkpoint, read: Checkpoint, out: string): void {
  const described = ({ spec, form, classes, classIds, preprocessing }: Checkpoint) =>
    JSON.parse(JSON.stringify([spec, form, classes, classIds, preprocessing]));
  if (!isDeepStrictEqual(described(written), described(read)) || !sameWeights(written.state, read.state)) {
    throw damaged(out);
  }
}

/** Bit for bit, but for the counters of batches, which not every format has and no answer depends on. */
function sameWeights(a: Checkpoint["state"], b: Checkpoint["state"]): boolean {
  const bits = ({ data }: NdArray) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  // By name: a list of arrays would keep the data of all of them.
  return [...a.keys()].every((name) => {
    const [array, other] = [a.get(name)!, b.get(name)];
    if (other === undefined || String(other.shape) !== String(array.shape)) return false;
    return name.endsWith(".num_batches_tracked") || bits(array).equals(bits(other));
  });
}

/** What is read is not what was written. */
export function damaged(out: string): RepvggError {
  return new RepvggError("E_CHECKPOINT", `${out} does not hold what was written to it: the disk may be failing.`);
}
