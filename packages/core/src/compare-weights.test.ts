import { randomSpec, randomState } from "@repvgg/tooling";
import { describe, expect, it } from "vitest";
import { compareWeights, worstPart } from "./compare-weights.ts";
import { fuseState } from "./fuse-network.ts";
import { layerPlan } from "./layer-plan.ts";
import type { NdArray } from "./nd-array.ts";
import { seededRandom } from "./random.ts";
import type { Form } from "./spec.ts";
import type { StateDict } from "./state-dict.ts";
import { stateLayout } from "./state-layout.ts";

/** One rounding to float32 of a sum, relative to its terms. */
const ROUNDING = 2 ** -24;
const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1);

const setting = (seed: number, forms: Form | ((index: number) => Form) = "train") => {
  const spec = randomSpec(seed);
  const plan = layerPlan(spec, [8, 8]);
  const list = plan.blocks.map(({ index }) => (typeof forms === "string" ? forms : forms(index)));
  return { spec, plan, state: randomState(plan, list, seed) };
};

/** One element of that entry times 1.01, in a copy. */
function changed(state: ReadonlyMap<string, NdArray>, name: string, element: number): StateDict {
  const copy: StateDict = new Map(state);
  const { shape, data } = state.get(name)!;
  copy.set(name, { shape, data: data.map((value, i) => (i === element ? value * 1.01 : value)) });
  return copy;
}

describe("compareWeights", () => {
  it("finds between a network and its deploy form nothing but rounding, in every part", () => {
    for (const seed of SEEDS) {
      const { spec, plan, state } = setting(seed, (index) => (index % 3 === 0 ? "deploy" : "train"));
      const parts = compareWeights(plan, state, fuseState(spec, state));
      expect(parts.map(({ name }) => name)).toEqual([...plan.blocks.map(({ name }) => name), "linear"]);
      expect(worstPart(parts).maxRelativeError).toBeLessThanOrEqual(ROUNDING);
    }
  });

  it.each([
    ["train form and its deploy form", "train", "deploy"],
    ["two train forms", "train", "train"],
    ["two deploy forms", "deploy", "deploy"],
  ] as const)("names the block of any weight that is changed by a hundredth, between %s", (_, formA, formB) => {
    for (const seed of SEEDS) {
      const { spec, plan, state } = setting(seed);
      const inForm = (form: Form) => (form === "train" ? state : fuseState(spec, state));
      const [a, b] = [inForm(formA), inForm(formB)];
      const random = seededRandom(seed);
      const trainable = stateLayout(plan, formA).filter((entry) => entry.trainable);
      const { name, block } = trainable[Math.floor(random() * trainable.length)]!;
      const element = Math.floor(random() * a.get(name)!.data.length);
      const worst = worstPart(compareWeights(plan, changed(a, name, element), b));
      expect(worst.name).toBe(block?.name ?? "linear");
      expect(worst.maxRelativeError, `${name}[${element}] ${worst.weight}`).toBeGreaterThan(10 * ROUNDING);
    }
  });

  it("says which weight, counted as PyTorch does, and both values", () => {
    const { plan, state } = setting(2, "deploy");
    const { name, inChannels, groups, outChannels } = plan.blocks[1]!;
    const entry = `${name}.rbr_reparam.weight`;
    const [y, x, i, o] = [2, 0, inChannels / groups - 1, 1];
    const element = ((y * 3 + x) * (inChannels / groups) + i) * outChannels + o;
    const [before, after] = [state, changed(state, entry, element)].map((each) => each.get(entry)!.data[element]!);
    const worst = worstPart(compareWeights(plan, state, changed(state, entry, element)));
    expect(worst).toMatchObject({
      name,
      weight: `rbr_reparam.weight[${o}, ${i}, ${y}, ${x}]`,
      values: [before, after],
    });
    expect(worst.maxRelativeError).toBeCloseTo(0.01 / 1.01, 4);
  });

  it("takes NaN for a difference", () => {
    const { plan, state } = setting(3, "deploy");
    const { shape, data } = state.get("linear.bias")!;
    const broken = new Map(state).set("linear.bias", { shape, data: data.map(() => Number.NaN) });
    const worst = worstPart(compareWeights(plan, state, broken));
    expect(worst).toMatchObject({ name: "linear", maxRelativeError: Number.NaN });
  });
});
