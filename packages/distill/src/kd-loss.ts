import { RepvggError } from "@repvgg/core";
import { add, mul, type Scalar, type Tensor2D, tidy } from "@tensorflow/tfjs-core";
import { crossEntropy } from "./cross-entropy.ts";
import { checkTemperature, DEFAULT_TEMPERATURE, softTargetLoss, type TemperatureOptions } from "./soft-target-loss.ts";

export interface KdLossOptions extends TemperatureOptions {
  /** Weight `α` of the teacher's term, in [0, 1]; the labels have the rest. @default 0.9 */
  alpha?: number;
}

export const KD_LOSS_DEFAULTS = {
  temperature: DEFAULT_TEMPERATURE,
  alpha: 0.9,
} as const satisfies Required<KdLossOptions>;

/**
 * Hinton's distillation loss, averaged over the batch ("batchmean", not over classes too).
 *
 *     L = (1 − α) · CE(y, z_s) + α · T² · KL(p_t ‖ p_s)        p = softmax(z / T)
 *
 * The gradient of the second term shrinks as 1/T²; the factor T² undoes that, so that `α` means the same at every `T`.
 * With `α = 1` it learns from soft targets alone, with `α = 0` from the labels alone.
 *
 * @param student Logits `z_s`, `[N, C]`.
 * @param teacher Logits `z_t`, `[N, C]`; treated as constant.
 * @param labels `y`, `[N, C]`, one-hot, or any distribution.
 * @returns Loss in nats; the caller owns the scalar.
 * @throws {ShapeError} the three do not have the same shape.
 * @throws {RepvggError} `E_USAGE`: an option is out of range.
 * @see Hinton, Vinyals and Dean 2015, §2. https://arxiv.org/abs/1503.02531
 */
export function kdLoss(student: Tensor2D, teacher: Tensor2D, labels: Tensor2D, options: KdLossOptions = {}): Scalar {
  const { temperature, alpha } = { ...KD_LOSS_DEFAULTS, ...options };
  checkKdLoss({ temperature, alpha });
  return tidy(() => {
    const soft = softTargetLoss(student, teacher, { temperature });
    return add<Scalar>(mul(crossEntropy(student, labels), 1 - alpha), mul(soft, alpha));
  });
}

/** The options' ranges, to be checked before any data is touched. */
export function checkKdLoss(options: KdLossOptions): void {
  const { temperature, alpha } = { ...KD_LOSS_DEFAULTS, ...options };
  checkTemperature(temperature);
  if (!(alpha >= 0 && alpha <= 1)) throw new RepvggError("E_USAGE", `alpha must be in [0, 1], got ${alpha}.`);
}
