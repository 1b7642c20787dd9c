import type { LossFunction } from "@repvgg/core";
import { backward64, crossEntropy64, type Forward64 } from "@repvgg/tooling";
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

/** Share of each auxiliary head in the loss. */
const AUXILIARY_SHARE = 0.1;

/** A loss for the device, and its gradients at what it reads, in float64. */
export interface Objective {
  readonly loss: LossFunction<Tensor, Scalar>;
  gradients(forward: Forward64): { logits: Float64Array; auxiliary?: readonly Float64Array[] };
}

/** Mean cross-entropy, and a share of that of each auxiliary head. */
export function crossEntropyOf(labels: readonly number[]): Objective {
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
 * `T · (softmax(z / T) − teacher) / N`, for N rows of logits. Another seed gives another teacher.
 */
export function distillationOf(rows: number, classes: number, seed: number): Objective {
  const teacher = softmaxRows(
    Float64Array.from({ length: rows * classes }, (_, i) => Math.sin(i * 1.7 + seed)),
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

/** The objective's gradient at every parameter. */
export function backwardOf(forward: Forward64, objective: Objective): Map<string, Float64Array> {
  const { logits, auxiliary } = objective.gradients(forward);
  return backward64(forward, logits, auxiliary && { auxiliary });
}
