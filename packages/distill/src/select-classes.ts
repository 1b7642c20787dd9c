import { type Logits, ndArray, RepvggError } from "@repvgg/core";
import type { Classifier } from "./classifier.ts";

/**
 * A network that answers with some of its outputs only, in a given order: to judge one of 1000 classes on a data set that has
 * 200 of them.
 *
 *     logits′[n, c] = logits[n, outputs[c]]
 *
 * @param network Borrowed.
 * @param outputs For each class of the data set, the network's output; copied.
 * @throws {RepvggError} `E_DATA`: the network has no such output.
 */
export function selectClasses(network: Classifier, outputs: ArrayLike<number>): Classifier {
  const { numClasses } = network.spec;
  const chosen = Array.from(outputs);
  const wrong = chosen.find((output) => !(Number.isInteger(output) && output >= 0 && output < numClasses));
  if (wrong !== undefined) {
    throw new RepvggError("E_DATA", `There is no output ${wrong}: the network has 0 to ${numClasses - 1}.`);
  }
  return {
    spec: { ...network.spec, numClasses: chosen.length },
    async predict(images): Promise<Logits> {
      const { shape, data } = await network.predict(images);
      const [N, C] = [shape[0], shape[1]];
      const selected = new Float32Array(N * chosen.length);
      for (let n = 0; n < N; n++) {
        for (const [c, output] of chosen.entries()) selected[n * chosen.length + c] = data[n * C + output]!;
      }
      return ndArray([N, chosen.length], selected);
    },
  };
}
