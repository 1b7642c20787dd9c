import { RepvggError, ShapeError, sameShape } from "@repvgg/core";
import { add, mul, type Scalar, type Tensor2D, tidy } from "@tensorflow/tfjs-core";
import { innerProduct } from "./inner-product.ts";
import { logSoftmax } from "./log-softmax.ts";

export interface CrossEntropyOptions {
  /** Share `ε` of each label that is spread evenly over all classes, in [0, 1). @default 0 */
  labelSmoothing?: number;
}

export const CROSS_ENTROPY_DEFAULTS = { labelSmoothing: 0 } as const satisfies Required<CrossEntropyOptions>;

/**
 * Softmax cross-entropy, averaged over the batch, as PyTorch's `cross_entropy`.
 *
 *     L = −mean_n Σ_c y'[n, c] · log softmax(z)[n, c]        y' = (1 − ε) · y + ε / C
 *
 * @param logits `z`, `[N, C]`.
 * @param labels `y`, `[N, C]`: one-hot, or any distribution; treated as constant.
 * @returns Loss in nats; the caller owns the scalar.
 * @throws {ShapeError} the labels do not have the shape of the logits.
 * @throws {RepvggError} `E_USAGE`: `labelSmoothing` is outside [0, 1).
 * @see Szegedy et al. 2015, §7. https://arxiv.org/abs/1512.00567
 */
export function crossEntropy(logits: Tensor2D, labels: Tensor2D, options: CrossEntropyOptions = {}): Scalar {
  const { labelSmoothing } = { ...CROSS_ENTROPY_DEFAULTS, ...options };
  checkCrossEntropy({ labelSmoothing });
  if (!sameShape(logits.shape, labels.shape)) throw new ShapeError("labels", `[${logits.shape}]`, labels.shape);

  const [N, C] = logits.shape;
  return tidy(() => {
    const target = labelSmoothing === 0 ? labels : add<Tensor2D>(mul(labels, 1 - labelSmoothing), labelSmoothing / C); // [N, C]
    return mul<Scalar>(innerProduct(target, logSoftmax(logits)), -1 / N);
  });
}

/** The options' ranges, to be checked before any data is touched. */
export function checkCrossEntropy({ labelSmoothing = 0 }: CrossEntropyOptions): void {
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new RepvggError("E_USAGE", `labelSmoothing must be in [0, 1), got ${labelSmoothing}.`);
  }
}
