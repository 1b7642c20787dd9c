import { describe, expect, it } from "vitest";
import { permutation } from "./permutation.ts";

describe("permutation", () => {
  it("holds every index once, and is the same each time", () => {
    const order = permutation(1000, 5, 2);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(permutation(1000, 5, 2)).toEqual(order);
  });

  it("never changes for a seed: resumed runs of older versions depend on it", () => {
    expect([...permutation(10, 0, 0)]).toEqual([8, 5, 3, 9, 6, 4, 7, 2, 0, 1]);
  });

  it("differs by epoch and seed, also where their sums are equal or only high bits differ", () => {
    const orders = [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
      [2 ** 32, 0],
      [-1, 0],
    ].map(([seed, epoch]) => permutation(20, seed!, epoch!));
    expect(new Set(orders.map(String)).size).toBe(orders.length);
  });

  it("puts every image in every place equally often", () => {
    const n = 8;
    const epochs = 8000;
    const counts = new Int32Array(n * n);
    for (let epoch = 0; epoch < epochs; epoch++)
      permutation(n, 1, epoch).forEach((image, place) => {
        counts[place * n + image]!++;
      });
    // Chi-square with 49 degrees of freedom: 99.99 % of random permutations stay below 95.
    const expected = epochs / n;
    const chiSquare = counts.reduce((total, count) => total + (count - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(95);
  });

  it("has the trivial ones", () => {
    expect([...permutation(0, 1, 1)]).toEqual([]);
    expect([...permutation(1, 1, 1)]).toEqual([0]);
  });
});
