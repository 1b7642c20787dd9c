import { describe, expect, it } from "vitest";
import { ADAMW_DEFAULTS, optimizerOptions, SGD_DEFAULTS } from "./optimizer-options.ts";

describe("optimizerOptions", () => {
  it("completes with the defaults", () => {
    expect(optimizerOptions({ learningRate: 0.2 })).toEqual({ ...SGD_DEFAULTS, learningRate: 0.2 });
    expect(optimizerOptions({ kind: "adamw", beta1: 0.8 })).toEqual({ ...ADAMW_DEFAULTS, beta1: 0.8 });
  });

  it.each([
    [{ learningRate: 0 }, "learningRate must be a positive number, got 0."],
    [{ learningRate: Number.NaN }, "learningRate must be a positive number, got NaN."],
    [{ momentum: 1 }, "momentum must be in [0, 1), got 1."],
    [{ weightDecay: -1 }, "weightDecay must be 0 or a positive number, got -1."],
    [{ momentum: 0, nesterov: true }, "momentum must be positive with nesterov, got 0."],
    [{ maxGradientNorm: 0 }, "maxGradientNorm must be a positive number, got 0."],
    [{ kind: "adamw", beta2: 1 }, "beta2 must be in [0, 1), got 1."],
    [{ kind: "adamw", epsilon: 0 }, "epsilon must be a positive number, got 0."],
  ] as const)("refuses %o", (options, message) => {
    expect(() => optimizerOptions(options)).toThrow(expect.objectContaining({ code: "E_USAGE", message }));
  });
});
