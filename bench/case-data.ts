import { type Images, initialState, ndArray, type StateDict, seededRandom } from "@repvgg/core";
import type { Case } from "./peer.ts";

/** Images, labels and weights of a case: the same for every peer that can take them. */
export interface CaseData {
  readonly images: Images;
  readonly labels: Int32Array;
  readonly state: StateDict;
}

const SEED = 1;

export function caseData({ spec, imageSize, batchSize, work }: Case): CaseData {
  const random = seededRandom(SEED);
  const { inputChannels, numClasses } = spec;
  const pixels = Float32Array.from(
    { length: batchSize * imageSize * imageSize * inputChannels },
    () => random() * 4 - 2,
  );
  return {
    images: ndArray([batchSize, imageSize, imageSize, inputChannels], pixels),
    labels: Int32Array.from({ length: batchSize }, () => Math.floor(random() * numClasses)),
    state: initialState(spec, SEED, work === "train" ? "train" : "deploy"),
  };
}
