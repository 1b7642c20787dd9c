import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";

/**
 * A generator that depends on all of `parts`, and on nothing else: the numbers of image 17 in epoch 3 are the same whatever
 * was drawn before. Neighbouring parts give unrelated generators.
 *
 * @param parts Whole numbers: a seed, an epoch, an index.
 */
export function generatorOf(...parts: readonly number[]): RandomGenerator {
  let hash = 0x9e3779b9;
  for (const part of parts) {
    hash = mix(hash ^ (part | 0));
    hash = mix(hash ^ Math.floor(part / 2 ** 32)); // the high bits of a large seed count too
  }
  const state = [0, 0, 0, 0];
  for (let i = 0; i < 4; i++) state[i] = hash = mix(hash + 0x9e3779b9);
  return xoroshiro128plusFromState(state);
}

/** MurmurHash3's finaliser over a counter step: every bit of `x` reaches every bit of the result. */
function mix(x: number): number {
  x = (x + 0x6d2b79f5) | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}
