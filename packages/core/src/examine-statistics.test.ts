import { randomSpec, randomState } from "@repvgg/tooling";
import { expect, it } from "vitest";
import { examineStatistics } from "./examine-statistics.ts";
import { fuseState } from "./fuse-network.ts";
import { initialState } from "./initial-state.ts";
import { layerPlan } from "./layer-plan.ts";

const spec = randomSpec(4);
const plan = layerPlan(spec, [8, 8]);

it("finds nothing in a healthy state, nor in a deploy form", () => {
  const state = randomState(plan, "train", 4);
  expect(examineStatistics(plan, state)).toEqual([]);
  expect(examineStatistics(plan, fuseState(spec, state))).toEqual([]);
});

it("finds variances near zero, and how far they amplify", () => {
  const state = randomState(plan, "train", 4);
  const bn = "stage1.0.rbr_1x1.bn";
  state.get(`${bn}.running_var`)!.data.set([0, 3e-6], 1);
  state.get(`${bn}.weight`)!.data.set([2, 1], 1);
  expect(examineStatistics(plan, state)).toEqual([
    {
      kind: "small-variance",
      name: bn,
      channels: 2,
      ofChannels: plan.blocks[1]!.outChannels,
      smallest: 0,
      largestScale: 2 / Math.sqrt(1e-5),
    },
  ]);
});

it("finds statistics that no training has touched", () => {
  const problems = examineStatistics(plan, initialState(spec, 1));
  expect(problems.map(({ kind }) => kind)).toEqual(problems.map(() => "initial-statistics"));
  expect(problems.map(({ name }) => name)).toContain("stage0.rbr_dense.bn");
});
