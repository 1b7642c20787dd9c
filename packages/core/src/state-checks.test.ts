import { randomSpec, randomState } from "@repvgg/tooling";
import { describe, expect, it } from "vitest";
import { checkState } from "./check-state.ts";
import { formOf } from "./form-of.ts";
import { fuseState } from "./fuse-network.ts";
import { layerPlan } from "./layer-plan.ts";
import type { NdArray } from "./nd-array.ts";
import type { Form, RepVggSpec } from "./spec.ts";
import { specOf } from "./spec-of.ts";
import { stateLayout } from "./state-layout.ts";
import { findVariant, VARIANTS } from "./variants.ts";

const { spec } = findVariant("mnist-teacher");
const plan = layerPlan(spec, [28, 28]);
const state = randomState(plan, "train", 1);
const withEntry = (name: string, array: NdArray) => new Map(state).set(name, array);
const shapesOnly = (of: RepVggSpec, form: Form) =>
  new Map(
    stateLayout(layerPlan(of, [8, 8]), form).map(({ name, shape }) => [name, { shape, data: new Float32Array() }]),
  );

describe("checkState", () => {
  const rejects = (bad: ReadonlyMap<string, NdArray>, message: RegExp) =>
    expect(() => checkState(plan, "train", bad)).toThrow(
      expect.objectContaining({ code: "E_STATE", message: expect.stringMatching(message) }),
    );

  it("accepts what fits", () => {
    checkState(plan, "train", state);
    checkState(plan, "deploy", fuseState(spec, state));
  });

  it("names what is missing, unexpected and misshapen, all at once", () => {
    const bad = withEntry("linear.weight", { shape: [128, 1000], data: new Float32Array(128_000) });
    bad.delete("stage0.rbr_dense.bn.bias");
    bad.set("extra", { shape: [], data: new Float32Array(1) });
    rejects(
      bad,
      /missing stage0\.rbr_dense\.bn\.bias; unexpected extra; misshapen linear\.weight is \[128, 1000\] instead of \[128, 10\]/,
    );
  });

  it("shortens long lists", () => rejects(fuseState(spec, state), /and \d+ more/));

  it("names an entry with NaN, infinity or a negative variance", () => {
    const bias = (value: number) => ({ shape: [10], data: new Float32Array(10).fill(value) });
    rejects(withEntry("linear.bias", bias(NaN)), /linear\.bias holds NaN/);
    rejects(withEntry("linear.bias", bias(Infinity)), /linear\.bias holds NaN or infinity/);
    const variance = { shape: [16], data: new Float32Array(16).fill(-1) };
    rejects(withEntry("stage0.rbr_1x1.bn.running_var", variance), /running_var holds a negative variance/);
  });

  it("refuses data that its shape does not describe", () =>
    rejects(withEntry("linear.bias", { shape: [10], data: new Float32Array(9) }), /misshapen linear\.bias/));
});

describe("formOf", () => {
  it("tells train, deploy and partly fused", () => {
    expect(formOf(state)).toBe("train");
    expect(formOf(fuseState(spec, state))).toBe("deploy");
    const forms: Form[] = ["train", "deploy", "train", "train", "deploy", "train"];
    expect(formOf(randomState(plan, forms, 1))).toEqual(forms);
  });

  it("orders blocks by number", () => {
    const many = findVariant("a0").spec;
    const forms = layerPlan(many, [32, 32]).blocks.map(
      (block): Form => (block.name === "stage3.10" ? "deploy" : "train"),
    );
    const entries = stateLayout(layerPlan(many, [32, 32]), forms);
    const shapes = new Map(entries.map(({ name, shape }) => [name, { shape, data: new Float32Array() }]));
    expect(formOf(shapes)).toEqual(forms);
  });

  it("knows the blocks of RepVGGplus, whose stage 3 has two halves", () => {
    const { spec } = findVariant("l2pse");
    const plan = layerPlan(spec, [32, 32]);
    const forms = plan.blocks.map(({ index }): Form => (index % 5 === 2 ? "deploy" : "train"));
    const entries = stateLayout(plan, forms);
    const shapes = new Map(entries.map(({ name, shape }) => [name, { shape, data: new Float32Array() }]));
    expect(formOf(shapes)).toEqual(forms);
  });

  it("refuses what is no RepVGG, and a block of two forms", () => {
    expect(() => formOf(new Map([["conv1.weight", { shape: [1], data: new Float32Array(1) }]]))).toThrow(
      /no RepVGG block.*conv1/,
    );
    const twice = withEntry("stage0.rbr_reparam.weight", { shape: [3, 3, 3, 16], data: new Float32Array(432) });
    expect(() => formOf(twice)).toThrow(expect.objectContaining({ code: "E_STATE" }));
  });
});

describe("RepVGGplus's entries", () => {
  const { spec } = findVariant("l2pse");
  const names = (form: Form) => [...shapesOnly(spec, form).keys()];

  it("have the original's names, with the heads in train form only", () => {
    const train = names("train");
    expect(train).toContain("stage1.blocks.7.rbr_dense.conv.weight");
    expect(train).toContain("stage3_first.blocks.0.post_se.down.weight");
    expect(train).toContain("stage3_second.blocks.11.rbr_identity.running_mean");
    expect(train.filter((name) => name.startsWith("stage3_first_aux."))).toEqual([
      "stage3_first_aux.0.conv.weight",
      "stage3_first_aux.0.bn.weight",
      "stage3_first_aux.0.bn.bias",
      "stage3_first_aux.0.bn.running_mean",
      "stage3_first_aux.0.bn.running_var",
      "stage3_first_aux.0.bn.num_batches_tracked",
      "stage3_first_aux.3.weight",
      "stage3_first_aux.3.bias",
    ]);
    expect(names("deploy").some((name) => name.includes("_aux"))).toBe(false);
    expect(names("deploy")).toContain("stage4.blocks.0.rbr_reparam.weight");
  });

  it("have heads as long as a block is in train form", () => {
    const plan = layerPlan(spec, [32, 32]);
    const forms = plan.blocks.map(({ index }): Form => (index === 9 ? "train" : "deploy"));
    expect(stateLayout(plan, forms).some(({ auxiliary }) => auxiliary?.name === "stage2_aux")).toBe(true);
  });

  it("decay as the authors train: the heads' matrices and kernels, not their normalization", () => {
    const heads = stateLayout(layerPlan(spec, [32, 32]), "train").filter(({ auxiliary }) => auxiliary);
    const decayed = heads.filter(({ decay }) => decay).map(({ name }) => name.replace(/^.*?_aux/, ""));
    expect(new Set(decayed)).toEqual(new Set([".0.conv.weight", ".3.weight"]));
  });
});

describe("fuseState of some blocks", () => {
  const names = plan.blocks.map(({ name }) => name);

  it("fuses those that are named, and gives the same in two goes as in one", () => {
    const some = fuseState(spec, state, ["stage1.0", "stage3.1"]);
    const expected = names.map((name): Form => (name === "stage1.0" || name === "stage3.1" ? "deploy" : "train"));
    expect(formOf(some)).toEqual(expected);
    checkState(plan, expected, some);
    expect(fuseState(spec, some, ["stage1.0"])).toEqual(some);
    expect(fuseState(spec, some)).toEqual(fuseState(spec, state));
    expect(formOf(fuseState(spec, state, names))).toBe("deploy");
  });

  it("refuses a name that no block has", () => {
    expect(() => fuseState(spec, state, ["stage1.1"])).toThrow(
      expect.objectContaining({ code: "E_USAGE", message: expect.stringContaining("Did you mean stage1.0?") }),
    );
  });
});

describe("specOf", () => {
  it.each(VARIANTS.map(({ name, spec }) => [name, spec] as const))("reads %s back from both forms", (_, variant) => {
    for (const form of ["train", "deploy"] as const) {
      expect(specOf(shapesOnly(variant, form), { strides: variant.strides })).toEqual(variant);
    }
  });

  it("gives the plan of any random spec whose stem has no groups", () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = randomSpec(seed, { groups: {} });
      const found = specOf(shapesOnly(random, "train"), { strides: random.strides });
      expect(layerPlan(found, [9, 9]).blocks).toEqual(layerPlan(random, [9, 9]).blocks);
    }
  });

  it("reads stride 1 from an identity branch in a stage's first block", () => {
    const same = { ...spec, widthMultiplier: [0.25, 0.125, 0.25, 0.25], strides: [2, 1, 1, 2, 2] } as RepVggSpec;
    expect(specOf(shapesOnly(same, "train")).strides).toEqual([2, 1, 1, 2, 2]);
  });

  it("refuses a missing stage and foreign channels", () => {
    const shapes = shapesOnly(spec, "deploy");
    for (const name of shapes.keys()) if (name.startsWith("stage3.0.")) shapes.delete(name);
    expect(() => specOf(shapes)).toThrow(
      expect.objectContaining({ code: "E_STATE", message: expect.stringContaining("Stage 3") }),
    );
    const stem = shapesOnly(spec, "deploy").set("stage0.rbr_reparam.weight", {
      shape: [3, 3, 3, 20],
      data: new Float32Array(),
    });
    expect(() => specOf(stem)).toThrow(
      expect.objectContaining({ code: "E_STATE", message: expect.stringContaining("stem") }),
    );
  });
});
