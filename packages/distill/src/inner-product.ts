import { dot, reshape, type Scalar, type Tensor, tidy } from "@tensorflow/tfjs-core";

/**
 * Σ a · b over all elements of two tensors of one shape.
 *
 * A matrix product, for the reason that {@link spread} gives: the gradient of a sum is a broadcast.
 */
export function innerProduct(a: Tensor, b: Tensor): Scalar {
  return tidy(() => dot(reshape(a, [a.size]), reshape(b, [b.size])) as Scalar);
}
