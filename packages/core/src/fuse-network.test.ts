import { forward64, randomImages, randomSpec, randomState, relativeError } from "@repvgg/tooling";
import { describe, expect, it } from "vitest";
import { fuseBlock } from "./fuse-block.ts";
import { fuseState, fuseState64 } from "./fuse-network.ts";
import { layerPlan } from "./layer-plan.ts";
import { type Form, type RepVggSpec, SPEC_DEFAULTS } from "./spec.ts";
import { stateLayout } from "./state-layout.ts";

const SEEDS = Array.from({ length: 60 }, (_, i) => i + 1);

// Float64 keeps 16 digits; a network of up to 13 blocks with sums of 100 products loses three or four of them.
const FLOAT64 = 1e-12;
// Each weight is rounded once, by at most 2⁻²⁴; 13 blocks add and cancel these.
const FLOAT32 = 1e-5;

function both(spec: RepVggSpec, seed: number, fuse: typeof fuseState64) {
  const plan = layerPlan(spec, [9, 8]);
  const state = randomState(plan, "train", seed);
  const images = randomImages([2, 9, 8, spec.inputChannels], seed + 1000);
  const train = forward64(plan, state, images, { mode: "inference" });
  const deploy = forward64(plan, fuse(spec, state), images, { mode: "inference" });
  expect(Math.max(...train.logits.map(Math.abs))).toBeGreaterThan(1e-3); // the images reach the logits
  return relativeError(deploy.logits, train.logits);
}

describe("fuseState", () => {
  it("changes no answer, before rounding, on random specs with random statistics", () => {
    const errors = SEEDS.map((seed) => both(randomSpec(seed), seed, fuseState64));
    expect(Math.max(...errors)).toBeLessThan(FLOAT64);
  });

  it("changes the answer by float32 rounding only", () => {
    const errors = SEEDS.slice(0, 20).map((seed) => both(randomSpec(seed), seed, fuseState));
    expect(Math.max(...errors)).toBeLessThan(FLOAT32);
  });

  it.each([1, 2, 4])("fuses %i groups in every block with an identity", (groups) => {
    const spec: RepVggSpec = {
      ...SPEC_DEFAULTS,
      numBlocks: [2, 3, 2, 2],
      widthMultiplier: [1 / 16, 1 / 16, 1 / 16, 1 / 32],
      groups: Object.fromEntries([2, 4, 5, 7, 9].map((layer) => [layer, groups])),
      numClasses: 7,
    };
    expect(both(spec, groups, fuseState64)).toBeLessThan(FLOAT64);
  });

  it.each(["before-relu", "after-relu"] as const)("keeps squeeze-and-excitation %s", (squeezeExcitation) => {
    const spec = randomSpec(5, { squeezeExcitation, widthMultiplier: [0.25, 0.125, 0.0625, 0.0625] });
    expect(both(spec, 5, fuseState64)).toBeLessThan(FLOAT64);
  });

  it("gives exactly the entries of the deploy form, in PyTorch's order", () => {
    const spec = randomSpec(7);
    const plan = layerPlan(spec, [8, 8]);
    const fused = fuseState(spec, randomState(plan, "train", 7));
    expect([...fused].map(([name, { shape }]) => [name, shape])).toEqual(
      stateLayout(plan, "deploy").map(({ name, shape }) => [name, shape]),
    );
  });

  it("accepts a partly fused state, and a fused one is left as it is", () => {
    const spec = randomSpec(8);
    const plan = layerPlan(spec, [8, 8]);
    const forms: Form[] = plan.blocks.map(({ index }) => (index % 2 ? "deploy" : "train"));
    const partly = randomState(plan, forms, 8);
    const fused = fuseState(spec, partly);
    const images = randomImages([1, 8, 8, spec.inputChannels], 8);
    const [before, after] = [partly, fused].map((state) => forward64(plan, state, images, { mode: "inference" }));
    expect(relativeError(after!.logits, before!.logits)).toBeLessThan(FLOAT32);
    expect(fuseState(spec, fused)).toEqual(fused);
  });

  it("shares nothing with its input and leaves it unchanged", () => {
    const spec = randomSpec(3);
    const state = randomState(layerPlan(spec, [8, 8]), "train", 3);
    const copy = structuredClone(state);
    const fused = fuseState(spec, state);
    for (const array of fused.values()) array.data.fill(NaN);
    expect(state).toEqual(copy);
  });

  it("names an entry that is missing or has another shape", () => {
    const spec = randomSpec(3);
    const state = randomState(layerPlan(spec, [8, 8]), "train", 3);
    const without = new Map(state);
    without.delete("stage2.0.rbr_1x1.bn.running_var");
    expect(() => fuseState(spec, without)).toThrow(
      expect.objectContaining({ code: "E_STATE", message: expect.stringContaining("stage2.0.rbr_1x1.bn.running_var") }),
    );
    const kernel = { shape: [3, 3, 1, 1], data: new Float32Array(9) };
    const misshapen = new Map(state).set("stage1.0.rbr_dense.conv.weight", kernel);
    expect(() => fuseState(spec, misshapen)).toThrow(
      expect.objectContaining({ code: "E_SHAPE", message: expect.stringContaining("stage1.0.rbr_dense.conv.weight") }),
    );
  });
});

describe("fuseBlock", () => {
  it("puts the identity on the diagonal of the centre tap, within each group", () => {
    const spec: RepVggSpec = {
      ...SPEC_DEFAULTS,
      numBlocks: [1, 1, 1, 1],
      widthMultiplier: [1 / 16, 1 / 32, 1 / 64, 1 / 64],
      strides: [2, 1, 2, 2, 2],
      groups: { 1: 2 },
    };
    const block = layerPlan(spec, [8, 8]).blocks[1]!;
    const state = randomState(layerPlan(spec, [8, 8]), "train", 1);
    for (const [name, { data }] of state) {
      if (name.endsWith("conv.weight") || name.endsWith("bias") || name.endsWith("running_mean")) data.fill(0);
      if (name.endsWith("running_var")) data.fill(1 - 1e-5);
      if (name.endsWith("rbr_identity.weight")) data.fill(1);
    }
    const { kernel, bias } = fuseBlock(block, state);
    const centre = [...kernel.data.slice(4 * 8, 5 * 8)];
    expect(kernel.shape).toEqual([3, 3, 2, 4]);
    // [I/groups, O]: inputs 0 and 1 of the group against outputs 0 to 3.
    expect(centre.map((w) => Math.round(w * 1e5) / 1e5)).toEqual([1, 0, 1, 0, 0, 1, 0, 1]);
    expect(kernel.data.reduce((sum, w) => sum + w, 0)).toBeCloseTo(4, 5);
    expect([...bias.data]).toEqual([0, 0, 0, 0]);
  });
});
