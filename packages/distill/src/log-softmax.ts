import { customGrad, exp, log, max, mul, sub, sum, type Tensor, type Tensor2D, tidy } from "@tensorflow/tfjs-core";
import { spread } from "./spread.ts";

/**
 * The logarithm of the softmax of each row.
 *
 *     y = z − max z − log Σ exp(z − max z)        ∂L/∂z = ∂L/∂y − softmax(z) · Σ ∂L/∂y
 *
 * The same as tfjs's own, but without its broadcasts; {@link spread} says why.
 *
 * @param logits `[N, C]`.
 * @returns `[N, C]`; the caller owns it.
 */
export function logSoftmax(logits: Tensor2D): Tensor2D {
  const C = logits.shape[1];
  const operation = customGrad((z, save) => {
    const shifted = sub<Tensor2D>(z as Tensor2D, spread(max(z as Tensor2D, 1, true), C));
    const result = sub<Tensor2D>(shifted, spread(log(sum(exp(shifted), 1, true)), C));
    (save as (tensors: Tensor[]) => void)([result]);
    const gradFunc = (dy: Tensor, [y]: Tensor[]) => sub(dy, mul(exp(y!), spread(sum(dy, 1, true), C)));
    return { value: result, gradFunc };
  });
  return tidy(() => operation(logits) as Tensor2D);
}
