import { describe, expect, it } from "vitest";
import { expectClose, randomFloats, runEverywhere } from "./test-engine.ts";

const LENGTH = 16 * 7;
/** A few float32 operations on values of order 1. */
const TOLERANCE = 1e-6;

/** What a kernel is given is rounded to float32 first. */
const rounded = <N extends Record<string, number>>(numbers: N): N =>
  Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Math.fround(value)])) as N;

describe("sgd", () => {
  it.each([true, false])("steps as PyTorch does (nesterov %s)", async (nesterov) => {
    const { lr, momentum, decay, scale } = rounded({ lr: 0.1, momentum: 0.9, decay: 1e-2, scale: 0.3 });
    const [parameters, gradients, velocity] = [1, 2, 3].map((seed) => randomFloats(LENGTH, seed));
    const results = await runEverywhere((memory) => {
      const addresses = { parameters: memory.floats(parameters!), velocity: memory.floats(velocity!) };
      memory.call("sgd", LENGTH / 16, {
        ...addresses,
        gradients: memory.floats(gradients!),
        settings: memory.floats([lr, momentum, decay, scale, Number(nesterov)]),
      });
      return [
        [addresses.parameters, LENGTH],
        [addresses.velocity, LENGTH],
      ];
    });
    const g = Float64Array.from(gradients!, (value, i) => scale * value + decay * parameters![i]!);
    const v = g.map((value, i) => momentum * velocity![i]! + value);
    const updated = v.map((value, i) => parameters![i]! - lr * (nesterov ? g[i]! + momentum * value : value));
    expectClose(results, 0, updated, TOLERANCE);
    expectClose(results, 1, v, TOLERANCE);
  });
});

describe("adamw", () => {
  it("steps as PyTorch does", async () => {
    const { scale, beta1, beta2, keep, rate, factor, epsilon } = rounded({
      scale: 0.3,
      beta1: 0.9,
      beta2: 0.999,
      keep: 0.99,
      rate: 0.02,
      factor: 1.5,
      epsilon: 1e-3,
    });
    const [parameters, gradients, first] = [1, 2, 3].map((seed) => randomFloats(LENGTH, seed));
    const second = randomFloats(LENGTH, 4).map(Math.abs);
    const { fresh1, fresh2 } = rounded({ fresh1: 1 - beta1, fresh2: 1 - beta2 });
    const results = await runEverywhere((memory) => {
      const addresses = {
        parameters: memory.floats(parameters!),
        first: memory.floats(first!),
        second: memory.floats(second),
      };
      memory.call("adamw", LENGTH / 16, {
        ...addresses,
        gradients: memory.floats(gradients!),
        settings: memory.floats([scale, beta1, fresh1, beta2, fresh2, keep, rate, factor, epsilon]),
      });
      return Object.values(addresses).map((address) => [address, LENGTH] as const);
    });
    const m = Float64Array.from(gradients!, (g, i) => beta1 * first![i]! + fresh1 * scale * g);
    const v = Float64Array.from(gradients!, (g, i) => beta2 * second[i]! + fresh2 * (scale * g) ** 2);
    const updated = m.map(
      (value, i) => keep * parameters![i]! - (rate * value) / (Math.sqrt(v[i]!) * factor + epsilon),
    );
    expectClose(results, 0, updated, TOLERANCE);
    expectClose(results, 1, m, TOLERANCE);
    expectClose(results, 2, v, TOLERANCE);
  });
});

describe("blend", () => {
  it.each([
    ["adds a weighted source to what is kept", 0.75, 0.5],
    ["reads no target where nothing is kept", 0, 0.5],
  ])("%s", async (_, keep, weight) => {
    const source = randomFloats(LENGTH, 1);
    const before = keep === 0 ? new Float32Array(LENGTH).fill(Number.NaN) : randomFloats(LENGTH, 2);
    const results = await runEverywhere((memory) => {
      const target = memory.floats(before);
      const settings = memory.floats([keep, weight]);
      memory.call("blend", LENGTH / 16, { source: memory.floats(source), target, settings });
      return [[target, LENGTH]];
    });
    const expected = Float64Array.from(source, (value, i) => weight * value + (keep === 0 ? 0 : keep * before[i]!));
    expectClose(results, 0, expected, TOLERANCE);
  });
});

describe("squaredSums", () => {
  it("sums the squares of chunks in float64, the last of them smaller", async () => {
    const [panels, chunk] = [23, 5];
    const input = randomFloats(panels * 16).map((value) => value * 1e-3);
    const sums = Math.ceil(panels / chunk);
    const results = await runEverywhere((memory) => {
      const address = memory.floats(sums * 2);
      memory.call("squaredSums", sums, { input: memory.floats(input), panels, chunk, sums: address });
      return [[address, sums * 2]];
    });
    for (const [found] of results.values()) {
      const values = [...new Float64Array(found!.buffer, 0, sums)];
      values.forEach((value, i) => {
        const part = input.subarray(i * chunk * 16, (i + 1) * chunk * 16);
        const expected = part.reduce((sum, x) => sum + x * x, 0);
        expect(Math.abs(value / expected - 1)).toBeLessThan(1e-14); // float64, in another order
      });
    }
  });
});
