import { customGrad, type Tensor } from "@tensorflow/tfjs-core";

/**
 * The tensor itself; on the way back, what arrives there is shown.
 *
 *     y = x        ∂L/∂x = ∂L/∂y
 *
 * So a loss learns the gradient of one of its own parts, for nothing: the backward pass computes it anyway.
 *
 * @param seen Is given `∂L/∂y`, borrowed: what is to outlive the call must be kept.
 */
export function watchGradient<T extends Tensor>(x: T, seen: (gradient: T) => void): T {
  const operation = customGrad((input) => ({
    value: (input as Tensor).clone(),
    gradFunc: (gradient: Tensor) => {
      seen(gradient as T);
      return gradient.clone();
    },
  }));
  return operation(x) as T;
}
