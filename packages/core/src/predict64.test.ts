import { forward64, randomImages, randomSpec, randomState, relativeError } from "@repvgg/tooling";
import { describe, expect, it } from "vitest";
import { layerPlan } from "./layer-plan.ts";
import { predict64 } from "./predict64.ts";
import type { Form } from "./spec.ts";

// Both are float64; sums are taken in another order.
const FLOAT64 = 1e-12;
const SEEDS = Array.from({ length: 24 }, (_, i) => i + 1);

const setting = (seed: number, forms: (index: number) => Form) => {
  const spec = randomSpec(seed);
  const plan = layerPlan(spec, [9, 7 + (seed % 3)]);
  const state = randomState(
    plan,
    plan.blocks.map(({ index }) => forms(index)),
    seed,
  );
  return { plan, state, images: randomImages([2, ...plan.inputSize, spec.inputChannels], seed) };
};

describe("predict64", () => {
  it.each<[string, (index: number) => Form]>([
    ["train", () => "train"],
    ["deploy", () => "deploy"],
    ["partly fused", (index) => (index % 2 ? "deploy" : "train")],
  ])("gives the reference's logits in %s form, on random specs", (_, forms) => {
    const errors = SEEDS.map((seed) => {
      const { plan, state, images } = setting(seed, forms);
      const { logits } = forward64(plan, state, images, { mode: "inference" });
      return relativeError(predict64(plan, state, images).data, logits);
    });
    expect(Math.max(...errors)).toBeLessThan(FLOAT64);
  });

  it("gives with the batch's statistics what a network in training mode gives", () => {
    const errors = SEEDS.map((seed) => {
      const { plan, state, images } = setting(seed, () => "train");
      const { logits } = forward64(plan, state, images, { mode: "train" });
      return relativeError(predict64(plan, state, images, { statistics: "batch" }).data, logits);
    });
    expect(Math.max(...errors)).toBeLessThan(1e-9); // divided by standard deviations of few and near values
  });

  it("asks for each weight once", () => {
    const { plan, state, images } = setting(4, () => "train");
    const asked: string[] = [];
    class Counting extends Map<string, NonNullable<ReturnType<typeof state.get>>> {
      override get(name: string) {
        asked.push(name);
        return super.get(name);
      }
    }
    predict64(plan, new Counting(state), images);
    expect(new Set(asked).size).toBe(asked.length);
  });

  it("refuses images of another size", () => {
    const { plan, state } = setting(3, () => "deploy");
    const images = randomImages([1, 5, 5, plan.spec.inputChannels], 1);
    expect(() => predict64(plan, state, images)).toThrow(expect.objectContaining({ code: "E_SHAPE" }));
  });
});
