import { add, gather, mul, type Tensor2D, tidy } from "@tensorflow/tfjs-core";
import type { Batch } from "./batch-source.ts";
import { oneHot } from "./one-hot.ts";

/**
 * What the labels of a batch say: one-hot rows; of blended images, rows blended alike.
 *
 *     y[n] = λ · oneHot(labels[n]) + (1 − λ) · oneHot(labels[partners[n]])
 *
 * @returns `[N, numClasses]`; the caller owns it.
 * @throws {RepvggError} `E_DATA`: a label is not a class of the network.
 */
export function targetsOf({ labels, mixture }: Pick<Batch, "labels" | "mixture">, numClasses: number): Tensor2D {
  if (!mixture) return oneHot(labels, numClasses);
  return tidy(() => {
    const own = oneHot(labels, numClasses);
    const partners = gather(own, mixture.partners);
    return add<Tensor2D>(mul(own, mixture.lambda), mul(partners, 1 - mixture.lambda));
  });
}
