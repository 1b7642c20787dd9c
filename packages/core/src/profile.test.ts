import { describe, expect, it } from "vitest";
import { layerPlan } from "./layer-plan.ts";
import { sizeOf } from "./nd-array.ts";
import { profile } from "./profile.ts";
import type { Form } from "./spec.ts";
import { stateLayout } from "./state-layout.ts";
import { findVariant } from "./variants.ts";

// Deploy and train parameters at 1000 classes, counted in the authors' PyTorch models.
const PARAMETERS = [
  ["a0", 8_309_384, 9_108_968],
  ["a1", 12_789_864, 14_092_264],
  ["a2", 25_499_944, 28_210_600],
  ["b0", 14_339_048, 15_817_960],
  ["b1", 51_829_480, 57_415_016],
  ["b1g2", 41_360_104, 45_782_376],
  ["b1g4", 36_125_416, 39_966_056],
  ["b2", 80_315_112, 89_022_376],
  ["b2g2", 63_956_712, 70_846_376],
  ["b2g4", 55_777_512, 61_758_376],
  ["b3", 110_960_872, 123_085_288],
  ["b3g2", 87_404_776, 96_911_848],
  ["b3g4", 75_626_728, 83_825_128],
  ["d2se", 120_387_572, 133_334_836],
  ["repvggplus-l2pse", 127_151_960, 146_062_864], // train with the three auxiliary classifiers
] as const;

// Thousand millions, of one image of 224 × 224 in deploy form, as the paper rounds them.
const GIGA_MACS = [
  ["a0", 1.361],
  ["a1", 2.364],
  ["a2", 5.117],
  ["b0", 3.058],
  ["b1", 11.815],
  ["b1g2", 8.81],
  ["b1g4", 7.307],
  ["b2", 18.377],
  ["b2g4", 11.332],
  ["b3", 26.209],
  ["b3g4", 16.064],
] as const;

const GIGA_WINOGRAD = [
  ["a0", 0.747],
  ["b1g4", 3.903],
  ["b3", 12.914],
] as const;

const at224 = (name: string) => layerPlan(findVariant(name).spec, [224, 224]);
const giga = (n: number) => Math.round(n / 1e6) / 1e3;

describe("profile", () => {
  it.each(PARAMETERS)("counts the parameters of %s", (name, deploy, train) => {
    expect(profile(at224(name), "deploy").params).toBe(deploy);
    expect(profile(at224(name), "train").params).toBe(train);
  });

  it.each(GIGA_MACS)("counts the MACs of %s", (name, macs) => {
    expect(giga(profile(at224(name), "deploy").macs)).toBe(macs);
  });

  it.each(GIGA_WINOGRAD)("counts the Winograd multiplications of %s", (name, multiplications) => {
    const { winogradMultiplications } = profile(at224(name), "deploy");
    expect(Number.isInteger(winogradMultiplications)).toBe(true);
    expect(giga(winogradMultiplications)).toBe(multiplications);
  });

  it.each([
    ["d2se", "train"],
    ["d2se", "deploy"],
    ["repvggplus-l2pse", "train"],
    ["repvggplus-l2pse", "deploy"],
  ] as const)("gives every parameter of %s to a layer, %s form", (name, form) => {
    const plan = at224(name);
    const trainable = stateLayout(plan, form).filter((entry) => entry.trainable);
    expect(profile(plan, form).params).toBe(trainable.reduce((n, { shape }) => n + sizeOf(shape), 0));
  });

  it("counts each block of a partly fused network in its own form", () => {
    const plan = at224("repvggplus-l2pse");
    const forms = plan.blocks.map(({ index }): Form => (index < 12 ? "deploy" : "train"));
    const mixed = profile(plan, forms);
    const trainable = stateLayout(plan, forms).filter((entry) => entry.trainable);
    expect(mixed.params).toBe(trainable.reduce((n, { shape }) => n + sizeOf(shape), 0));
    const [train, deploy] = [profile(plan, "train"), profile(plan, "deploy")];
    expect(mixed.macs).toBeLessThan(train.macs);
    expect(mixed.macs).toBeGreaterThan(deploy.macs);
    expect(mixed.layers[0]).toEqual(deploy.layers[0]);
    expect(mixed.layers.at(-3)).toEqual(train.layers.at(-3));
  });

  it("lists the layers of a block as PyTorch names them", () => {
    const { layers } = profile(layerPlan(findVariant("mnist-teacher").spec, [28, 28]), "train");
    expect(layers.slice(0, 5).map(({ name, type }) => `${name} ${type}`)).toEqual([
      "stage0.rbr_dense.conv Conv2d",
      "stage0.rbr_dense.bn BatchNorm2d",
      "stage0.rbr_1x1.conv Conv2d",
      "stage0.rbr_1x1.bn BatchNorm2d",
      "stage0.nonlinearity ReLU",
    ]);
    expect(layers[0]).toMatchObject({ outputShape: [28, 28, 16], params: 3 * 9 * 16, macs: 28 * 28 * 3 * 9 * 16 });
    expect(layers.at(-1)).toEqual({ name: "linear", type: "Linear", outputShape: [10], params: 1290, macs: 1280 });
  });
});
