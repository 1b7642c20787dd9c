import {
  defineSpec,
  fuseState,
  type Images,
  type LayerPlan,
  layerPlan,
  type RepVggSpec,
  type SgdStep,
  type StateDict,
} from "@repvgg/core";
import { type Forward64, forward64, randomImages, randomState, type State64, sgd64 } from "@repvgg/tooling";
import { backwardOf, crossEntropyOf, type Objective } from "./test-objectives.ts";

/** Everything random follows from it; give another to try other networks and images. */
export const SEED = Number(process.env.REPVGG_CONFORMANCE_SEED ?? 1);

/** One network on one batch. */
export interface Case {
  readonly name: string;
  readonly plan: LayerPlan;
  readonly state: StateDict;
  readonly images: Images;
  readonly labels: readonly number[];
}

/** 16 channels everywhere: small, and enough for groups of 4 and for each kind of squeeze. */
const BASE: Pick<RepVggSpec, "numBlocks" | "widthMultiplier" | "strides" | "numClasses"> = {
  numBlocks: [1, 2, 1, 1],
  widthMultiplier: [1 / 4, 1 / 8, 1 / 16, 1 / 32],
  strides: [1, 2, 1, 2, 1],
  numClasses: 5,
};

const SPECS: readonly { name: string; spec: Partial<RepVggSpec>; size: [number, number]; batch: number }[] = [
  { name: "odd sizes", spec: {}, size: [9, 7], batch: 4 },
  { name: "even sizes, stride 2 first", spec: { strides: [2, 2, 2, 1, 1] }, size: [16, 12], batch: 3 },
  { name: "a batch of 1", spec: {}, size: [9, 7], batch: 1 },
  { name: "2 groups", spec: { groups: { 2: 2, 3: 2, 4: 2 } }, size: [9, 7], batch: 4 },
  { name: "4 groups", spec: { groups: { 1: 4, 2: 4, 4: 4 } }, size: [8, 10], batch: 4 },
  {
    name: "squeeze-and-excitation before the ReLU",
    spec: { squeezeExcitation: "before-relu" },
    size: [9, 7],
    batch: 4,
  },
  { name: "squeeze-and-excitation after the ReLU", spec: { squeezeExcitation: "after-relu" }, size: [9, 7], batch: 4 },
  {
    name: "auxiliary heads",
    spec: { numBlocks: [1, 1, 2, 1], squeezeExcitation: "after-relu", auxiliaryHeads: true },
    size: [12, 10],
    batch: 4,
  },
];

/** Steps that a training is followed for. */
export const STEPS = 5;
export const STEP: SgdStep = { learningRate: 0.02, momentum: 0.9, weightDecay: 1e-2, nesterov: true };

/**
 * Where a ReLU's input is as close to zero as float32 rounds, devices may differ in its gradient, each rightly, and a training goes
 * another way from there: one such input of 9e-7 in the third step moved a weight by 7e-3 after the fifth, which without it agrees to
 * 3e-7. So the images keep every input of a ReLU this far from zero: in the first step for single gradients, then for the training.
 */
const MARGIN = 1e-4;
const LATER_MARGIN = 2e-5;

export const CASES: readonly Case[] = SPECS.map(({ name, spec, size, batch }, i) => {
  const plan = layerPlan(defineSpec({ ...BASE, ...spec }), size);
  const state = randomState(plan, "train", SEED * 100 + i);
  const labels = Array.from({ length: batch }, (_, n) => (n * 3 + i) % 5);
  const images = farFromZero(plan, state, labels, SEED * 1000 + i);
  return { name, plan, state, images, labels };
});

export const fused = ({ plan, state }: Case): StateDict => fuseState(plan.spec, state);

function farFromZero(plan: LayerPlan, state: StateDict, labels: readonly number[], seed: number): Images {
  const shape = [labels.length, ...plan.inputSize, plan.spec.inputChannels] as const;
  for (let attempt = 0; ; attempt++) {
    const images = randomImages(shape, seed + attempt * 7919);
    if (staysFarFromZero({ plan, state, images, labels })) return images;
  }
}

function staysFarFromZero(example: Omit<Case, "name">): boolean {
  const { plan, state, images, labels } = example;
  if (!isFar(forward64(plan, state, images, { mode: "train" }), MARGIN)) return false;
  for (const { forward } of training64(example, crossEntropyOf(labels)))
    if (!isFar(forward, LATER_MARGIN)) return false;
  return true;
}

function isFar(forward: Forward64, margin: number): boolean {
  return reluInputs(forward).every(({ data }) => data.every((value) => Math.abs(value) > margin));
}

function reluInputs({ blocks, auxiliary }: Forward64) {
  const squeezed = blocks.flatMap(({ squeeze }) => squeeze?.squeezed ?? []);
  return [...blocks.map(({ beforeRelu }) => beforeRelu), ...squeezed, ...auxiliary.map(({ normalized }) => normalized)];
}

/** The training in float64, step by step: its forward pass, and every parameter and running statistic after it. */
export function* training64({ plan, state, images }: Omit<Case, "name" | "labels">, objective: Objective) {
  let after: State64 = state;
  const velocity = new Map<string, Float64Array>();
  for (let k = 0; k < STEPS; k++) {
    const forward = forward64(plan, after, images, { mode: "train" });
    after = sgd64(plan, after, backwardOf(forward, objective), velocity, forward.runningStatistics, STEP);
    yield { forward, after };
  }
}
