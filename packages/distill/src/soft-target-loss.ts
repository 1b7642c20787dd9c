import { RepvggError, ShapeError, sameShape } from "@repvgg/core";
import { add, div, exp, mul, onesLike, type Scalar, sub, type Tensor2D, tidy } from "@tensorflow/tfjs-core";
import { innerProduct } from "./inner-product.ts";
import { logSoftmax } from "./log-softmax.ts";

export interface TemperatureOptions {
  /** Softmax temperature `T`; the larger, the softer the probabilities. @default 4 */
  temperature?: number;
}

/** Also what a command line prints, so the two cannot disagree. */
export const DEFAULT_TEMPERATURE = 4;

/**
 * The distance of the softened answers, averaged over the batch: Hinton's loss without labels.
 *
 *     L = T² · KL(p_t ‖ p_s)        p = softmax(z / T)
 *
 * @param student Logits `z_s`, `[N, C]`.
 * @param teacher Logits `z_t`, `[N, C]`; treated as constant.
 * @returns Loss in nats; the caller owns the scalar.
 * @throws {ShapeError} the two do not have the same shape.
 * @throws {RepvggError} `E_USAGE`: the temperature is not a positive number.
 * @see Hinton, Vinyals and Dean 2015, §2. https://arxiv.org/abs/1503.02531
 */
export function softTargetLoss(student: Tensor2D, teacher: Tensor2D, options: TemperatureOptions = {}): Scalar {
  const { temperature = DEFAULT_TEMPERATURE } = options;
  checkTemperature(temperature);
  checkTeacherShape(student, teacher);
  return tidy(() => {
    const logTeacher = logSoftmax(div<Tensor2D>(teacher, temperature)); // [N, C]
    const logStudent = logSoftmax(div<Tensor2D>(student, temperature)); // [N, C]
    return mul<Scalar>(klDivergence(logTeacher, logStudent), temperature * temperature);
  });
}

/**
 * The mean over rows of `KL(p ‖ q)`.
 *
 *     KL(p ‖ q) = Σ_c p · (log p − log q) + Σ_c (q − p)
 *
 * The second sum is 0 but for rounding. It makes up for what the logarithms are off by, which a loss multiplies by T²: δ in a
 * row of `log q` gives −δ in the first sum and δ in the second.
 *
 * @param logP `[N, C]`. @param logQ `[N, C]`.
 */
export function klDivergence(logP: Tensor2D, logQ: Tensor2D): Scalar {
  return tidy(() => {
    const [p, q] = [exp(logP), exp(logQ)];
    const first = innerProduct(p, sub(logP, logQ));
    const second = innerProduct(sub(q, p), onesLike(p));
    return mul<Scalar>(add(first, second), 1 / logP.shape[0]);
  });
}

/** @throws {RepvggError} `E_USAGE`: not a positive number. */
export function checkTemperature(temperature: number): void {
  if (temperature > 0 && Number.isFinite(temperature)) return;
  throw new RepvggError("E_USAGE", `temperature must be a positive number, got ${temperature}.`);
}

/** @throws {ShapeError} The teacher's logits do not have the shape of the student's. */
export function checkTeacherShape(student: Tensor2D, teacher: Tensor2D): void {
  if (!sameShape(student.shape, teacher.shape)) throw new ShapeError("teacher", `[${student.shape}]`, teacher.shape);
}
