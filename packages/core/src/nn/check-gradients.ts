import { getBackend, getGradient, getKernel } from "@tensorflow/tfjs-core";
import { RepvggError } from "../errors.ts";

/**
 * Checks that tfjs knows its gradients: in Node, `@tensorflow/tfjs-core` alone does not register them.
 *
 * @throws {RepvggError} `E_UNSUPPORTED`
 */
export function checkGradients(): void {
  if (getGradient("Multiply")) return;
  throw new RepvggError(
    "E_UNSUPPORTED",
    "tfjs has no gradients: @tensorflow/tfjs-core alone does not register them. " +
      'Import them once before training, with import "@tensorflow/tfjs-layers" (or "@tensorflow/tfjs").',
  );
}

/**
 * Checks that a network can train on the current backend.
 *
 * @throws {RepvggError} `E_UNSUPPORTED`
 */
export function checkTrainingBackend(): void {
  checkGradients();
  const backend = getBackend();
  if (getKernel("Conv2DBackpropFilter", backend)) return;
  throw new RepvggError(
    "E_UNSUPPORTED",
    `The tfjs backend "${backend}" has no gradient of a convolution, so it can predict but not train. ` +
      "Train with @repvgg/engine, or on another tfjs backend.",
  );
}
