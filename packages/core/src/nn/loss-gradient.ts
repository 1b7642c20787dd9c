import { dispose, engine, keep, type Scalar, type Tensor, tensor } from "@tensorflow/tfjs-core";
import { lazyList } from "../lazy-list.ts";
import { type NdArray, ndArray } from "../nd-array.ts";
import type { LossFunction, OutputGradients, Outputs } from "../network.ts";
import { checkGradients } from "./check-gradients.ts";
import { deferErrors } from "./defer-errors.ts";

/**
 * A loss and its gradients at given outputs: what the backward pass of a network outside tfjs starts from.
 *
 *     loss(z, …)        ∂loss / ∂z, …
 *
 * Outputs that the loss does not read are not even made into tensors, and have no gradient.
 *
 * @param outputs `logits` `[N, C]`, and lists that may be lazy; borrowed.
 * @returns The loss, and gradients in the shapes of the outputs, newly allocated.
 * @throws {ShapeError} The loss is not a scalar.
 * @throws {RepvggError} `E_UNSUPPORTED`: tfjs's gradients are not registered.
 */
export function lossGradient(
  loss: LossFunction<Tensor, Scalar>,
  outputs: Outputs<NdArray>,
): { loss: number; gradients: OutputGradients } {
  checkGradients();
  const { loss: lossOf, rethrow } = deferErrors(loss);
  const inputs: Tensor[] = []; // in the order in which they are first read; tfjs looks at it after the loss has run
  const input = ({ shape, data }: NdArray) => {
    const made = keep(tensor(data, [...shape])); // over the borrowed data: it is gone before this returns
    inputs.push(made);
    return made;
  };
  const readOf = (arrays: readonly NdArray[]) => {
    const read = new Array<Tensor | undefined>(arrays.length);
    const list = lazyList(arrays.length, (index) => {
      const made = input(arrays[index]!);
      read[index] = made;
      return made;
    });
    return { read, list };
  };
  const logits = input(outputs.logits);
  const [auxiliary, features] = [readOf(outputs.auxiliary), readOf(outputs.features)];
  const seen: Outputs<Tensor> = { logits, auxiliary: auxiliary.list, features: features.list };
  const { value, grads } = engine().gradients(() => lossOf(seen), inputs, undefined, true);

  const [number] = value.dataSync<"float32">();
  const gradientOf = (tensor: Tensor | undefined): NdArray | undefined => {
    const gradient = tensor && grads[inputs.indexOf(tensor)];
    return gradient && ndArray([...gradient.shape], gradient.dataSync<"float32">().slice());
  };
  const gradients: OutputGradients = {
    logits: gradientOf(logits),
    auxiliary: Array.from(auxiliary.read, gradientOf),
    features: Array.from(features.read, gradientOf),
  };
  dispose([value, ...grads.filter(Boolean), ...inputs]);
  rethrow();
  return { loss: number!, gradients };
}
