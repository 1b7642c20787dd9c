/**
 * MurmurHash3 (x86, 32 bits) of whole 32-bit words: finds damage and difference, no intent.
 *
 * @param seed Hashes with different seeds have nothing to do with each other.
 * @returns From 0 to 2³² − 1.
 * @see Appleby, MurmurHash3. https://github.com/aappleby/smhasher
 */
export function murmurHash(words: Uint32Array, seed = 0): number {
  let hash = seed;
  for (let i = 0; i < words.length; i++) {
    const k = Math.imul(rotated(Math.imul(words[i]!, 0xcc9e2d51), 15), 0x1b873593);
    hash = Math.imul(rotated(hash ^ k, 13), 5) + 0xe6546b64;
  }
  hash ^= words.length * 4;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const rotated = (x: number, by: number) => (x << by) | (x >>> (32 - by));
