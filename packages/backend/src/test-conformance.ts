import {
  defineSpec,
  fuseState,
  type Images,
  type LayerPlan,
  type LossFunction,
  layerPlan,
  type RepVggSpec,
  type StateDict,
} from "@repvgg/core";
import { crossEntropy64, type Forward64, forward64, randomImages, randomState } from "@repvgg/tooling";
import {
  add,
  log,
  logSoftmax,
  mul,
  oneHot,
  type Scalar,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
  tensor2d,
} from "@tensorflow/tfjs-core";

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

/** Where a ReLU's input is as close to zero as float32 rounds, devices may differ in its gradient, each rightly. */
const MARGIN = 1e-4;

export const CASES: readonly Case[] = SPECS.map(({ name, spec, size, batch }, i) => {
  const plan = layerPlan(defineSpec({ ...BASE, ...spec }), size);
  const state = randomState(plan, "train", SEED * 100 + i);
  const images = farFromZero(plan, state, batch, SEED * 1000 + i);
  const labels = Array.from({ length: batch }, (_, n) => (n * 3 + i) % 5);
  return { name, plan, state, images, labels };
});

export const fused = ({ plan, state }: Case): StateDict => fuseState(plan.spec, state);

function farFromZero(plan: LayerPlan, state: StateDict, batch: number, seed: number): Images {
  for (let attempt = 0; ; attempt++) {
    const images = randomImages([batch, ...plan.inputSize, plan.spec.inputChannels], seed + attempt * 7919);
    const { blocks, auxiliary } = forward64(plan, state, images, { mode: "train" });
    const inputs = [...blocks.map(({ beforeRelu }) => beforeRelu), ...auxiliary.map(({ normalized }) => normalized)];
    if (inputs.every(({ data }) => data.every((value) => Math.abs(value) > MARGIN))) return images;
  }
}

/** Share of each auxiliary head in the loss. */
const AUXILIARY_SHARE = 0.1;

/** A loss for the device, and its gradients at what it reads, in float64. */
export interface Objective {
  readonly loss: LossFunction<Tensor, Scalar>;
  gradients(forward: Forward64): { logits: Float64Array; auxiliary?: readonly Float64Array[] };
}

/** Mean cross-entropy, and a share of that of each auxiliary head. */
export function crossEntropyOf({ labels }: Case): Objective {
  const one = (logits: Tensor) => {
    const likelihood = mul(oneHot([...labels], logits.shape[1]!), logSoftmax(logits as Tensor2D));
    return mul<Scalar>(sum(likelihood), -1 / labels.length);
  };
  const gradient = (logits: Float64Array) => crossEntropy64(logits, [...labels]).gradient;
  return {
    loss: ({ logits, auxiliary }) => {
      let total = one(logits);
      for (const head of auxiliary) total = add(total, mul(one(head), AUXILIARY_SHARE));
      return total;
    },
    gradients: ({ logits, auxiliary }) => ({
      logits: gradient(logits),
      auxiliary: auxiliary.map((head) => gradient(head.logits).map((g) => AUXILIARY_SHARE * g)),
    }),
  };
}

const TEMPERATURE = 4;

/**
 * Distillation from fixed logits (Hinton et al. 2015): T² · KL(teacher ‖ student) at temperature T, and its gradient,
 * `T · (softmax(z / T) − teacher) / N`.
 */
export function distillationOf({ labels, plan }: Case): Objective {
  const [rows, classes] = [labels.length, plan.spec.numClasses];
  const teacher = softmaxRows(
    Float64Array.from({ length: rows * classes }, (_, i) => Math.sin(i * 1.7 + SEED)),
    classes,
  );
  const loss: LossFunction<Tensor, Scalar> = ({ logits }) => {
    const target = tensor2d(Float32Array.from(teacher), [rows, classes]);
    const student = logSoftmax(mul(logits, 1 / TEMPERATURE) as Tensor2D);
    const cross = sum(mul(target, sub(log(add(target, 1e-30)), student)));
    return mul(cross, TEMPERATURE ** 2 / rows);
  };
  const gradients = ({ logits }: Forward64) => {
    const student = softmaxRows(
      logits.map((z) => z / TEMPERATURE),
      classes,
    );
    return { logits: student.map((p, i) => (TEMPERATURE * (p - teacher[i]!)) / rows) };
  };
  return { loss, gradients };
}

function softmaxRows(values: ArrayLike<number>, classes: number): Float64Array {
  const result = Float64Array.from(values, Math.exp);
  for (let row = 0; row < result.length; row += classes) {
    const total = result.subarray(row, row + classes).reduce((a, b) => a + b);
    for (let c = row; c < row + classes; c++) result[c]! /= total;
  }
  return result;
}
