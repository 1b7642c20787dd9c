import { describe, expect, it } from "vitest";
import { type BatchNormState, fuseConvBn } from "./fuse-conv-bn.ts";
import type { Kernel } from "./nd-array.ts";

const vector = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) }) as const;

describe("fuseConvBn", () => {
  const kernel: Kernel = { shape: [1, 1, 1, 2], data: Float32Array.of(3, 5) };
  const bn: BatchNormState = {
    gamma: vector(2, 4),
    beta: vector(1, -1),
    runningMean: vector(10, 20),
    runningVar: vector(4, 16),
    epsilon: 0,
  };

  it("scales each output channel by γ/σ and moves the mean into the bias", () => {
    const fused = fuseConvBn(kernel, bn);
    expect([...fused.kernel.data]).toEqual([3 * (2 / 2), 5 * (4 / 4)]);
    expect([...fused.bias.data]).toEqual([1 - 10, -1 - 20]);
  });

  it("adds PyTorch's epsilon to the variance by default", () => {
    const { kernel: fused } = fuseConvBn(kernel, { ...bn, runningVar: vector(0, 0), epsilon: undefined });
    expect(fused.data[0]).toBeCloseTo(6 / Math.sqrt(1e-5), 2);
  });

  it("leaves its inputs unchanged", () => {
    const before = kernel.data.slice();
    fuseConvBn(kernel, bn);
    expect(kernel.data).toEqual(before);
  });

  it("rejects statistics for another number of channels", () => {
    expect(() => fuseConvBn(kernel, { ...bn, gamma: vector(1) })).toThrow(
      expect.objectContaining({ code: "E_SHAPE", message: "bn.gamma must have shape [2], got [1]." }),
    );
  });
});
