import { type Images, ndArray, seededRandom } from "@repvgg/core";
import type { Case } from "./case.ts";

const SEED = 1;

/** Images and labels of a case: the same in every process. */
export function caseInputs({ spec, imageSize, batchSize }: Case): { images: Images; labels: Int32Array } {
  const random = seededRandom(SEED);
  const { inputChannels, numClasses } = spec;
  const length = batchSize * imageSize * imageSize * inputChannels;
  const pixels = Float32Array.from({ length }, () => random() * 4 - 2);
  return {
    images: ndArray([batchSize, imageSize, imageSize, inputChannels], pixels),
    labels: Int32Array.from({ length: batchSize }, () => Math.floor(random() * numClasses)),
  };
}
