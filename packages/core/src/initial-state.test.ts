import { describe, expect, it } from "vitest";
import { checkState } from "./check-state.ts";
import { initialState } from "./initial-state.ts";
import { layerPlan } from "./layer-plan.ts";
import { seededRandom } from "./random.ts";
import { findVariant } from "./variants.ts";

const { spec } = findVariant("mnist-teacher");

const spread = (data: Float32Array) => {
  const mean = data.reduce((sum, v) => sum + v, 0) / data.length;
  return { mean, deviation: Math.sqrt(data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / data.length) };
};

describe("initialState", () => {
  const state = initialState(spec, 1);

  it.each(["train", "deploy"] as const)("has the entries of the %s form", (form) => {
    checkState(layerPlan(spec, [28, 28]), form, initialState(spec, 1, form));
  });

  it.each([
    ["stage4.0.rbr_dense.conv.weight", 64 * 9],
    ["stage4.0.rbr_1x1.conv.weight", 64],
    ["linear.weight", 128],
  ])("draws %s evenly within ±1/√fanIn, fanIn = %i", (name, fanIn) => {
    const { data } = state.get(name)!;
    const bound = 1 / Math.sqrt(fanIn);
    expect(Math.max(...data.map(Math.abs))).toBeLessThanOrEqual(Math.fround(bound));
    const { mean, deviation } = spread(data);
    // Of n draws the mean errs by deviation/√n and the deviation by less; 5 of these.
    const tolerance = (5 * bound) / Math.sqrt(3 * data.length);
    expect(Math.abs(mean)).toBeLessThan(tolerance);
    expect(Math.abs(deviation - bound / Math.sqrt(3))).toBeLessThan(tolerance);
  });

  it("counts the inputs of a group only", () => {
    const grouped = { ...spec, groups: { 2: 4 } };
    const { shape, data } = initialState(grouped, 1).get("stage2.0.rbr_dense.conv.weight")!;
    expect(shape).toEqual([3, 3, 4, 32]);
    const largest = Math.max(...data.map(Math.abs));
    expect(largest).toBeGreaterThan(0.95 / Math.sqrt(36));
    expect(largest).toBeLessThanOrEqual(1 / Math.sqrt(36));
  });

  it("starts normalizations as the identity", () => {
    const values = (name: string) => [...new Set(state.get(`stage1.0.rbr_dense.bn.${name}`)!.data)];
    expect([values("weight"), values("bias"), values("running_mean"), values("running_var")]).toEqual([
      [1],
      [0],
      [0],
      [1],
    ]);
    expect(values("num_batches_tracked")).toEqual([0]);
  });

  it("depends on the seed alone", () => {
    expect(initialState(spec, 1)).toEqual(state);
    expect(initialState(spec, 2).get("linear.weight")).not.toEqual(state.get("linear.weight"));
  });
});

describe("seededRandom", () => {
  it("keeps giving the numbers that it gave", () => {
    const random = seededRandom(42);
    expect([random(), random(), random()]).toEqual([0.456255805445835, 0.5641753580421209, 0.5743777174502611]);
  });

  it("is even over [0, 1), for near seeds too", () => {
    const draws = Array.from({ length: 20_000 }, (_, seed) => seededRandom(seed)());
    const counts = new Array<number>(10).fill(0);
    for (const draw of draws) counts[Math.floor(draw * 10)]!++;
    // 2000 each, with a deviation of 42; 5 of these.
    expect(Math.max(...counts.map((count) => Math.abs(count - 2000)))).toBeLessThan(212);
  });
});
