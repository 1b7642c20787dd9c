import { type LayerPlan, layerPlan, seededRandom } from "@repvgg/core";
import { describe, expect, it } from "vitest";
import { backward64 } from "./backward64.ts";
import { crossEntropy64 } from "./cross-entropy64.ts";
import { forward64 } from "./forward64.ts";
import { randomImages, randomSpec, randomState } from "./random.ts";
import type { State64 } from "./tensor64.ts";

const STEP = 2e-5;
// Rounding errs by 1e-16 / STEP. Two central differences, extrapolated, err by STEP⁴ times the fifth derivative, which is large
// where a batch normalization sees few pixels: three images of one pixel in the last stage.
const TOLERANCE = 1e-6;

function nudged(state: State64, name: string, index: number, by: number): State64 {
  const { shape, data } = state.get(name)!;
  const copy = Float64Array.from(data);
  copy[index]! += by;
  return new Map(state).set(name, { shape, data: copy });
}

function expectGradients(plan: LayerPlan, state: State64, seed: number): void {
  const images = randomImages([3, ...plan.inputSize, plan.spec.inputChannels], seed);
  const labels = [0, 1, 0];
  const forward = forward64(plan, state, images, { mode: "train" });
  const gradients = backward64(forward, crossEntropy64(forward.logits, labels).gradient);
  const lossOf = (nearby: State64) => {
    const { logits } = forward64(plan, nearby, images, { mode: "train", masks: forward.masks });
    return crossEntropy64(logits, labels).loss;
  };
  const random = seededRandom(seed);
  const scale = Math.max(...[...gradients.values()].flatMap((g) => [...g].map(Math.abs)));
  for (const [name, gradient] of gradients) {
    const i = Math.floor(random() * gradient.length);
    const difference = (h: number) =>
      (lossOf(nudged(state, name, i, h)) - lossOf(nudged(state, name, i, -h))) / (2 * h);
    const numeric = (4 * difference(STEP / 2) - difference(STEP)) / 3;
    expect(Math.abs(gradient[i]! - numeric), `${name}[${i}]`).toBeLessThan(TOLERANCE * scale);
  }
}

describe("backward64", () => {
  it.each([1, 2, 3, 4, 5, 6])("agrees with finite differences, random spec %i", (seed) => {
    const plan = layerPlan(randomSpec(seed), [7, 6]);
    expectGradients(plan, randomState(plan, "train", seed), seed);
  });

  it.each(["before-relu", "after-relu"] as const)("agrees with finite differences, squeeze %s", (squeezeExcitation) => {
    const spec = randomSpec(9, { squeezeExcitation, widthMultiplier: [0.25, 0.125, 0.0625, 0.03125] });
    const plan = layerPlan(spec, [5, 5]);
    expectGradients(plan, randomState(plan, "train", 9), 9);
  });

  it("covers every trainable parameter and nothing else", () => {
    const plan = layerPlan(randomSpec(4), [6, 6]);
    const state = randomState(plan, "train", 4);
    const forward = forward64(plan, state, randomImages([2, 6, 6, plan.spec.inputChannels], 4), { mode: "train" });
    const gradients = backward64(forward, new Float64Array(forward.logits.length).fill(1));
    const trainable = [...state.keys()].filter((name) => !/running_|num_batches/.test(name));
    expect([...gradients.keys()].sort()).toEqual(trainable.sort());
  });
});
