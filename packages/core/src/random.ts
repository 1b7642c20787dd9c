/** Uniform numbers in [0, 1), always the same ones for a seed. */
export type Random = () => number;

/**
 * A small seeded generator: sfc32 (Doty-Humphrey's PractRand), its state filled from the seed by splitmix32.
 *
 * The numbers of a seed are part of the package's behaviour: the same seed gives the same initial weights on every platform.
 *
 * @param seed Any whole number; its low 32 bits count.
 */
export function seededRandom(seed: number): Random {
  let mixed = seed | 0;
  const next32 = () => {
    mixed = (mixed + 0x9e3779b9) | 0;
    let z = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return z ^ (z >>> 15);
  };
  let [a, b, c, counter] = [next32(), next32(), next32(), 1];
  const uniform = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) uniform(); // so that near seeds part ways
  return uniform;
}
