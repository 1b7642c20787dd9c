import { describe, expect, it } from "vitest";
import { normal, symmetricBeta } from "./distributions.ts";
import { generatorOf } from "./random.ts";

const N = 20_000;
const draw = (one: (random: ReturnType<typeof generatorOf>) => number) => {
  const random = generatorOf(1);
  return Array.from({ length: N }, () => one(random)).sort((a, b) => a - b);
};
const moment = (values: number[], order: number, about = 0) =>
  values.reduce((sum, x) => sum + (x - about) ** order, 0) / values.length;

describe("normal", () => {
  it("has the standard normal distribution's moments", () => {
    const values = draw(normal);
    // Standard errors of N numbers: 1/√N, √2/√N and √96/√N; five of them either way.
    expect(Math.abs(moment(values, 1))).toBeLessThan(5 / Math.sqrt(N));
    expect(Math.abs(moment(values, 2) - 1)).toBeLessThan((5 * Math.sqrt(2)) / Math.sqrt(N));
    expect(Math.abs(moment(values, 4) - 3)).toBeLessThan((5 * Math.sqrt(96)) / Math.sqrt(N));
  });
});

describe("symmetricBeta", () => {
  it.each([0.2, 0.4, 1, 3])("has the mean and variance of Beta(%d, %d)", (alpha) => {
    const values = draw((random) => symmetricBeta(random, alpha));
    const variance = 1 / (4 * (2 * alpha + 1));
    expect(values[0]).toBeGreaterThanOrEqual(0);
    expect(values.at(-1)).toBeLessThanOrEqual(1);
    expect(Math.abs(moment(values, 1) - 0.5)).toBeLessThan(5 * Math.sqrt(variance / N));
    // (x − 1/2)² is at most 1/4, so its standard deviation is at most 1/8.
    expect(Math.abs(moment(values, 2, 0.5) - variance)).toBeLessThan((5 * 0.125) / Math.sqrt(N));
  });

  it("is uniform with α = 1", () => {
    const values = draw((random) => symmetricBeta(random, 1));
    const distance = Math.max(...values.map((x, i) => Math.abs(x - (i + 0.5) / N)));
    expect(distance).toBeLessThan(1.95 / Math.sqrt(N)); // Kolmogorov and Smirnov: more in 1 of 1,000
  });

  it("stays a number where both gamma variables vanish", () => {
    const values = draw((random) => symmetricBeta(random, 1e-3));
    expect(values.every((x) => x >= 0 && x <= 1)).toBe(true);
  });
});
