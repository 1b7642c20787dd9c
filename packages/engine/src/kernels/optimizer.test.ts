import { describe, expect, it } from "vitest";
import { floatBits } from "../program.ts";
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

describe("customL2", () => {
  // Input channels and output panels; both normalizations of the last output channels are switched off.
  const [channels, panels, off] = [5, 2, 3];
  const outputs = panels * 16;
  const isOff = (o: number) => o >= outputs - off;

  it.each([
    ["taps inside", 9 * 64, 64],
    ["taps outside", 64, channels * 64],
  ])("adds the closed form of the gradients, %s", async (_, channelBytes, tapBytes) => {
    const weight = Math.fround(0.3);
    const [dense, pointwise] = [randomFloats(outputs * channels * 9, 1), randomFloats(outputs * channels, 2)];
    const [gamma3, gamma1] = [3, 4].map((seed) => randomFloats(outputs, seed).map((g, o) => (isOff(o) ? 0 : g)));
    const [var3, var1] = [5, 6].map((seed) => randomFloats(outputs, seed).map((v) => 0.5 + Math.abs(v)));
    const before = [randomFloats(dense.length, 7), randomFloats(pointwise.length, 8)] as const;
    const results = await runEverywhere((memory) => {
      const kernels = memory.floats(new Float32Array([...dense, ...pointwise]));
      const gradients = memory.floats(new Float32Array([...before[0], ...before[1]]));
      memory.call("customL2", panels, {
        dense: kernels,
        pointwise: kernels + dense.length * 4,
        gradientOffset: gradients - kernels,
        channels,
        channelBytes,
        tapBytes,
        gamma3: memory.floats(gamma3!),
        runningVar3: memory.floats(var3!),
        gamma1: memory.floats(gamma1!),
        runningVar1: memory.floats(var1!),
        epsilon: floatBits(1e-5),
        settings: memory.floats([weight]),
      });
      return [[gradients, dense.length + pointwise.length]];
    });
    const expected = Float64Array.from([...before[0], ...before[1]]);
    for (let o = 0; o < outputs; o++) {
      const [t3, t1] = [gamma3![o]! / Math.sqrt(var3![o]! + 1e-5), gamma1![o]! / Math.sqrt(var1![o]! + 1e-5)];
      const norm = t3 ** 2 + t1 ** 2;
      for (let c = 0; c < channels; c++) {
        const at = (tap: number) => (o >> 4) * channels * 144 + (c * channelBytes + tap * tapBytes) / 4 + (o & 15);
        const point = ((o >> 4) * channels + c) * 16 + (o & 15);
        for (const tap of [0, 1, 2, 3, 5, 6, 7, 8]) expected[at(tap)]! += weight * dense[at(tap)]!;
        const equivalent = t3 * dense[at(4)]! + t1 * pointwise[point]!;
        if (norm === 0) continue; // switched off: no gradient, and no NaN
        expected[at(4)]! += (weight * equivalent * t3) / norm;
        expected[dense.length + point]! += (weight * equivalent * t1) / norm;
      }
    }
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
