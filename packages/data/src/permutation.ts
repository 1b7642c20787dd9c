import { uniformInt } from "pure-rand/distribution/uniformInt";
import { generatorOf } from "./random.ts";

/**
 * The order of `n` images in one epoch: every permutation equally likely, and always the same one for a seed and epoch.
 *
 * @returns The indices 0 to n - 1, shuffled by Fisher and Yates' algorithm.
 */
export function permutation(n: number, seed: number, epoch: number): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  const random = generatorOf(seed, epoch);
  for (let i = n - 1; i > 0; i--) {
    const j = uniformInt(random, 0, i);
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
  return order;
}
