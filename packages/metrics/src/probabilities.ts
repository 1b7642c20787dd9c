import type { LogitsLike } from "./accuracy.ts";

/**
 * Softmax of one row, in float64.
 *
 *     p = softmax(z / T)
 *
 * @param logits `[N, C]`.
 * @param temperature T > 0; above 1 the probabilities are softer.
 * @returns C probabilities; all NaN when a logit of the row is.
 */
export function rowProbabilities({ shape, data }: LogitsLike, row: number, temperature = 1): Float64Array {
  const C = shape[1]!;
  const p = new Float64Array(C);
  let largest = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < C; c++) largest = Math.max(largest, data[row * C + c]!);
  let sum = 0;
  for (let c = 0; c < C; c++) {
    p[c] = Math.exp((data[row * C + c]! - largest) / temperature);
    sum += p[c]!;
  }
  for (let c = 0; c < C; c++) p[c]! /= sum;
  return p;
}
