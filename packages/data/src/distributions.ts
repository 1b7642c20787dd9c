import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";

/** A number of [low, high), all equally likely. */
export function uniform(random: RandomGenerator, low: number, high: number): number {
  return low + (high - low) * uniformFloat64(random);
}

/** A number of the standard normal distribution, by Box and Muller's transform. */
export function normal(random: RandomGenerator): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniformFloat64(random)));
  return radius * Math.cos(2 * Math.PI * uniformFloat64(random));
}

/** A number of the symmetric distribution Beta(α, α), in [0, 1]: X / (X + Y) of two that are Gamma(α) distributed. */
export function symmetricBeta(random: RandomGenerator, alpha: number): number {
  const [x, y] = [logGamma(random, alpha), logGamma(random, alpha)];
  return 1 / (1 + Math.exp(y - x)); // by logarithms: with a small α both are often too small for a float64
}

/**
 * The logarithm of a number of the distribution Gamma(α, 1).
 *
 * @see Marsaglia and Tsang 2000, A simple method for generating gamma variables
 */
function logGamma(random: RandomGenerator, alpha: number): number {
  // Gamma(α) is Gamma(α + 1) · U^(1/α).
  if (alpha < 1) return logGamma(random, alpha + 1) + Math.log(1 - uniformFloat64(random)) / alpha;
  const d = alpha - 1 / 3;
  for (;;) {
    const x = normal(random);
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - uniformFloat64(random)) < x ** 2 / 2 + d * (1 - v + Math.log(v))) return Math.log(d * v);
  }
}
