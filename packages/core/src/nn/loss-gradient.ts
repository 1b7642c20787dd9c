import { dispose, type Scalar, type Tensor, tensor2d, tidy, valueAndGrad } from "@tensorflow/tfjs-core";
import { type Logits, type NdArray, ndArray } from "../nd-array.ts";
import type { LossFunction } from "../network.ts";
import { checkGradients } from "./check-gradients.ts";
import { deferErrors } from "./defer-errors.ts";

/**
 * A loss and its gradient at given logits: what the backward pass of a network outside tfjs starts from.
 *
 *     loss(z)        ∂loss / ∂z
 *
 * @param logits `[N, C]`; borrowed.
 * @returns The loss, and the gradient as `logits`, newly allocated.
 * @throws {ShapeError} The loss is not a scalar.
 * @throws {RepvggError} `E_UNSUPPORTED`: tfjs's gradients are not registered.
 */
export function lossGradient(
  loss: LossFunction<Tensor, Scalar>,
  logits: Logits,
): { loss: number; gradient: NdArray<Logits["shape"]> } {
  checkGradients();
  const { loss: lossOf, rethrow } = deferErrors(loss);
  const { value, grad } = tidy(() => {
    const [rows, classes] = logits.shape;
    return valueAndGrad((z: Tensor) => lossOf({ logits: z }))(tensor2d(logits.data.slice(), [rows, classes]));
  });
  const [number] = value.dataSync<"float32">();
  const gradient = ndArray(logits.shape, grad.dataSync<"float32">().slice());
  dispose([value, grad]);
  rethrow();
  return { loss: number!, gradient };
}
