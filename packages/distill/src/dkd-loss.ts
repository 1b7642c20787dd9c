import { RepvggError, ShapeError, sameShape } from "@repvgg/core";
import { add, concat, div, exp, log, max, mul, type Scalar, sub, type Tensor2D, tidy } from "@tensorflow/tfjs-core";
import { logSoftmax } from "./log-softmax.ts";
import { checkTeacherShape, checkTemperature, klDivergence, type TemperatureOptions } from "./soft-target-loss.ts";
import { rowSums, spread } from "./spread.ts";

export interface DkdLossOptions extends TemperatureOptions {
  /** Weight `α` of the target class's part. @default 1 */
  dkdAlpha?: number;
  /** Weight `β` of the other classes' part. @default 8 */
  dkdBeta?: number;
}

/** The authors' for CIFAR-100; they take a `β` of 0.5 for ImageNet. */
export const DKD_LOSS_DEFAULTS = {
  temperature: 4,
  dkdAlpha: 1,
  dkdBeta: 8,
} as const satisfies Required<DkdLossOptions>;

/** Takes a class out of a softmax: its exponential is 0 beside any logit. */
const MASK = 1e9;

/**
 * Decoupled knowledge distillation, averaged over the batch.
 *
 *     L = T² · (α · TCKD + β · NCKD)        p = softmax(z / T)
 *     TCKD = KL(b_t ‖ b_s)                  b = (p[y], 1 − p[y])
 *     NCKD = KL(q_t ‖ q_s)                  q = softmax over the classes but y
 *
 * Hinton's loss is TCKD + (1 − p_t[y]) · NCKD: what a confident teacher says of the other classes hardly counts there, and
 * counts fully here. The logarithm of 1 − p[y] comes from the other classes' logits, so that it is exact where p[y] is nearly 1.
 *
 * @param student Logits `z_s`, `[N, C]`.
 * @param teacher Logits `z_t`, `[N, C]`; treated as constant.
 * @param labels `y`, `[N, C]`, one-hot.
 * @returns Loss in nats; the caller owns the scalar.
 * @throws {ShapeError} the three do not have the same shape.
 * @throws {RepvggError} `E_USAGE`: an option is out of range.
 * @see Zhao et al. 2022, Decoupled Knowledge Distillation, §3.2, equations 5 to 7. https://arxiv.org/abs/2203.08679
 */
export function dkdLoss(student: Tensor2D, teacher: Tensor2D, labels: Tensor2D, options: DkdLossOptions = {}): Scalar {
  const { temperature, dkdAlpha, dkdBeta } = { ...DKD_LOSS_DEFAULTS, ...options };
  checkDkdLoss({ temperature, dkdAlpha, dkdBeta });
  checkTeacherShape(student, teacher);
  if (!sameShape(student.shape, labels.shape)) throw new ShapeError("labels", `[${student.shape}]`, labels.shape);
  return tidy(() => {
    const own = decouple(div(student, temperature), labels);
    const given = decouple(div(teacher, temperature), labels);
    const target = klDivergence(given.target, own.target);
    const others = klDivergence(given.others, own.others);
    const squared = temperature * temperature;
    return add<Scalar>(mul(target, dkdAlpha * squared), mul(others, dkdBeta * squared));
  });
}

/** The options' ranges, to be checked before any data is touched. */
export function checkDkdLoss(options: DkdLossOptions): void {
  const { temperature, dkdAlpha, dkdBeta } = { ...DKD_LOSS_DEFAULTS, ...options };
  checkTemperature(temperature);
  checkWeights({ dkdAlpha, dkdBeta });
}

/** @throws {RepvggError} `E_USAGE`: one is not a number of at least 0. */
export function checkWeights(weights: Readonly<Record<string, number>>): void {
  for (const [name, weight] of Object.entries(weights)) {
    if (weight >= 0 && Number.isFinite(weight)) continue;
    throw new RepvggError("E_USAGE", `${name} must be 0 or a positive number, got ${weight}.`);
  }
}

/** The logarithms of `b`, `[N, 2]`, and of `q`, `[N, C]`, whose entry at the target is of no account. */
function decouple(scaled: Tensor2D, labels: Tensor2D): { target: Tensor2D; others: Tensor2D } {
  const masked = sub<Tensor2D>(scaled, mul(labels, MASK)); // [N, C]
  const pair = concat([rowSums(mul(scaled, labels)), logSumExp(masked)], 1) as Tensor2D; // [N, 2]
  return { target: logSoftmax(pair), others: logSoftmax(masked) };
}

/** `[N, C]` → `[N, 1]`. */
function logSumExp(x: Tensor2D): Tensor2D {
  const largest = max<Tensor2D>(x, 1, true); // [N, 1]
  return add(log(rowSums(exp(sub(x, spread(largest, x.shape[1]))))), largest);
}
