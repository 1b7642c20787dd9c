import { RepvggError, ShapeError, sameShape } from "@repvgg/core";
import { add, div, exp, mul, type Scalar, sub, type Tensor2D, tidy } from "@tensorflow/tfjs-core";
import { crossEntropy } from "./cross-entropy.ts";
import { innerProduct } from "./inner-product.ts";
import { logSoftmax } from "./log-softmax.ts";

export interface KdLossOptions {
  /** Softmax temperature `T`; the larger, the softer the teacher's probabilities. @default 4 */
  temperature?: number;
  /** Weight `α` of the teacher's term, in [0, 1]; the labels have the rest. @default 0.9 */
  alpha?: number;
}

export const KD_LOSS_DEFAULTS = { temperature: 4, alpha: 0.9 } as const satisfies Required<KdLossOptions>;

/**
 * Hinton's distillation loss, averaged over the batch ("batchmean", not over classes too).
 *
 *     L = (1 − α) · CE(y, z_s) + α · T² · KL(p_t ‖ p_s)        p = softmax(z / T)
 *
 * The gradient of the second term shrinks as 1/T²; the factor T² undoes that, so that `α` means the same at every `T`.
 *
 * @param student Logits `z_s`, `[N, C]`.
 * @param teacher Logits `z_t`, `[N, C]`; treated as constant.
 * @param labels `y`, `[N, C]`, one-hot.
 * @returns Loss in nats; the caller owns the scalar.
 * @throws {ShapeError} the three do not have the same shape.
 * @throws {RepvggError} `E_USAGE`: an option is out of range.
 * @see Hinton, Vinyals and Dean 2015, §2. https://arxiv.org/abs/1503.02531
 */
export function kdLoss(student: Tensor2D, teacher: Tensor2D, labels: Tensor2D, options: KdLossOptions = {}): Scalar {
  const { temperature, alpha } = { ...KD_LOSS_DEFAULTS, ...options };
  checkKdLoss({ temperature, alpha });
  if (!sameShape(student.shape, teacher.shape)) throw new ShapeError("teacher", `[${student.shape}]`, teacher.shape);

  return tidy(() => {
    const logTeacher = logSoftmax(div<Tensor2D>(teacher, temperature)); // [N, C]
    const logStudent = logSoftmax(div<Tensor2D>(student, temperature)); // [N, C]
    const divergence = innerProduct(exp(logTeacher), sub(logTeacher, logStudent)); // summed over the batch
    const soft = mul(divergence, (alpha * temperature * temperature) / student.shape[0]);
    return add<Scalar>(mul(crossEntropy(student, labels), 1 - alpha), soft);
  });
}

/** The options' ranges, to be checked before any data is touched. */
export function checkKdLoss({ temperature = 4, alpha = 0.9 }: KdLossOptions): void {
  if (!(temperature > 0 && Number.isFinite(temperature))) {
    throw new RepvggError("E_USAGE", `temperature must be a positive number, got ${temperature}.`);
  }
  if (!(alpha >= 0 && alpha <= 1)) throw new RepvggError("E_USAGE", `alpha must be in [0, 1], got ${alpha}.`);
}
