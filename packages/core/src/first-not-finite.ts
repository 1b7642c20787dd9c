const EXPONENT = 0x7f800000;
/** Carries a full exponent into the sign. */
const CARRY = 0x00800000;
const CHUNK = 4096;

/**
 * The index of the first NaN or infinity, or −1.
 *
 * NaN and infinities have all bits of the exponent set. Checkpoints have millions of weights: a chunk is first looked through without a
 * branch for each, by a function of its own, as V8 compiles in full only what is called often.
 */
export function firstNotFinite(data: Float32Array): number {
  const bits = new Int32Array(data.buffer, data.byteOffset, data.length);
  for (let from = 0; from < bits.length; from += CHUNK) {
    const to = Math.min(from + CHUNK, bits.length);
    if (hasSpecial(bits, from, to)) return data.findIndex((value, i) => i >= from && !Number.isFinite(value));
  }
  return -1;
}

function hasSpecial(bits: Int32Array, from: number, to: number): boolean {
  let carried = 0;
  let i = from;
  for (; i + 3 < to; i += 4) {
    carried |= (bits[i]! & EXPONENT) + CARRY;
    carried |= (bits[i + 1]! & EXPONENT) + CARRY;
    carried |= (bits[i + 2]! & EXPONENT) + CARRY;
    carried |= (bits[i + 3]! & EXPONENT) + CARRY;
  }
  for (; i < to; i++) carried |= (bits[i]! & EXPONENT) + CARRY;
  return carried < 0;
}
