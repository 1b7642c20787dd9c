import { randomSpec, randomState } from "@repvgg/tooling";
import { describe, expect, it } from "vitest";
import { checkState } from "./check-state.ts";
import { fuseState, fuseStateLazily } from "./fuse-network.ts";
import { layerPlan } from "./layer-plan.ts";
import { LazyState } from "./lazy-state.ts";
import type { NdArray } from "./nd-array.ts";

const plain = (state: ReadonlyMap<string, NdArray>) =>
  new Map([...state].map(([name, { shape, data }]) => [name, { shape, data }]));

/** Of that state, counting what is made. */
function counting(state: ReadonlyMap<string, NdArray>, options?: { readonly finite: boolean }) {
  const made: string[] = [];
  const arrays = [...state].map(([name, { shape, data }]) => {
    const make = () => {
      made.push(name);
      return data.slice();
    };
    return [name, { shape, make }] as const;
  });
  return { made, lazy: new LazyState(new Map(arrays), options) };
}

describe("LazyState", () => {
  const spec = randomSpec(4);
  const plan = layerPlan(spec, [8, 8]);
  const state = randomState(plan, "train", 4);

  it("is the map of its arrays, and makes none for their names and shapes", () => {
    const { made, lazy } = counting(state);
    expect([...lazy.keys()]).toEqual([...state.keys()]);
    expect([...lazy.values()].map(({ shape }) => shape)).toEqual([...state.values()].map(({ shape }) => shape));
    expect([lazy.size, lazy.has("linear.bias"), lazy.has("none"), lazy.get("none")]).toEqual([
      state.size,
      true,
      false,
      undefined,
    ]);
    expect(made).toEqual([]);
    expect(plain(lazy)).toEqual(state);
  });

  it("makes an array once for each that is asked for", () => {
    const { made, lazy } = counting(state);
    const bias = lazy.get("linear.bias")!;
    expect(bias.data).toBe(bias.data);
    expect(bias.data).not.toBe(lazy.get("linear.bias")!.data);
    expect(made).toEqual(["linear.bias", "linear.bias"]);
  });

  it("is looked through for NaN, unless it is known to be finite", () => {
    const broken = new Map(state).set("linear.bias", {
      shape: [spec.numClasses],
      data: new Float32Array(spec.numClasses),
    });
    broken.get("linear.bias")!.data.fill(Number.NaN);
    expect(() => checkState(plan, "train", counting(broken).lazy)).toThrow(/linear\.bias holds NaN/);
    expect(() => checkState(plan, "train", counting(broken, { finite: true }).lazy)).not.toThrow();
  });

  it.each([
    ["all blocks", undefined],
    ["some blocks", ["stage0", "stage2.0"]],
  ])("fuses when it is asked to, with the result of fuseState: %s", (_, blocks) => {
    const { made, lazy } = counting(state);
    const fused = fuseStateLazily(spec, lazy, blocks);
    expect(made).toEqual([]);
    expect(plain(fused)).toEqual(fuseState(spec, state, blocks));
    made.length = 0;
    expect(fused.get("stage0.rbr_reparam.bias")!.data.length).toBe(plan.blocks[0]!.outChannels);
    expect(made.filter((name) => name.includes("conv.weight"))).toEqual([]); // a bias needs no kernel
  });
});
