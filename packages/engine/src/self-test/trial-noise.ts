/** What noise repeats after: a prime, so that no operand repeats after a pixel, a plane or a panel. */
const PERIOD = 1021;

/** `floats` values in (−1, 1), the same everywhere. */
export function noise(floats: number): Float32Array {
  const values = new Float32Array(floats);
  const period = Math.min(PERIOD, floats);
  let state = 1;
  for (let i = 0; i < period; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    values[i] = state / 2 ** 31;
  }
  for (let filled = period; filled < floats; filled += period) values.copyWithin(filled, 0, floats - filled);
  return values;
}

/** Values in (0.5, 1.5). */
export const positive = (floats: number) =>
  Array.from({ length: floats }, (_, i) => 0.5 + ((i * 377) % PERIOD) / PERIOD);
