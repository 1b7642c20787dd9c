import { type Scalar, sum, type Tensor } from "@tensorflow/tfjs-core";
import { ShapeError } from "../errors.ts";
import type { LossFunction } from "../network.ts";

/**
 * A loss that never throws, for use under a tfjs gradient, and a function that throws what it did not.
 *
 * An error under a gradient leaves tfjs's tape open: it keeps the tensors of the forward pass and goes on recording.
 */
export function deferErrors(loss: LossFunction<Tensor, Scalar>): {
  loss: LossFunction<Tensor, Scalar>;
  rethrow: () => void;
} {
  let failure: { readonly error: unknown } | undefined;
  return {
    loss: (outputs) => {
      try {
        const value = loss(outputs);
        if (value.rank !== 0) throw new ShapeError("The loss", "[], a scalar", value.shape);
        return value;
      } catch (error) {
        failure = { error };
        return sum<Scalar>(outputs.logits); // any function of the outputs: nobody reads it
      }
    },
    rethrow: () => {
      if (failure) throw failure.error;
    },
  };
}
