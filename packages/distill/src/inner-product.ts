import { dot, reshape, type Scalar, type Tensor2D, tidy } from "@tensorflow/tfjs-core";

/**
 * Σ a · b over all elements of two matrices of one shape.
 *
 * A matrix product, for the reason that `logSoftmax` gives: the gradient of a sum is a broadcast.
 */
export function innerProduct(a: Tensor2D, b: Tensor2D): Scalar {
  return tidy(() => dot(reshape(a, [a.size]), reshape(b, [b.size])) as Scalar);
}
