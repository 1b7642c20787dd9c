import { RepvggError } from "@repvgg/core";
import { type Tensor2D, tensor2d } from "@tensorflow/tfjs-core";

/**
 * Integer labels as rows that are 1 at the label and 0 elsewhere.
 *
 * @param labels `[N]`, each in 0 … `numClasses` − 1.
 * @returns `[N, numClasses]`; the caller owns it.
 * @throws {RepvggError} `E_DATA`: a label is not a class of the network.
 */
export function oneHot(labels: ArrayLike<number>, numClasses: number): Tensor2D {
  const rows = new Float32Array(labels.length * numClasses);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (!(Number.isInteger(label) && label >= 0 && label < numClasses)) {
      throw new RepvggError(
        "E_DATA",
        `Label ${label} is not one of ${numClasses} classes (0 to ${numClasses - 1}). ` +
          "Give the network as many classes as the data has.",
      );
    }
    rows[i * numClasses + label] = 1;
  }
  return tensor2d(rows, [labels.length, numClasses]);
}
