export { backward64 } from "./backward64.ts";
export { crossEntropy64 } from "./cross-entropy64.ts";
export { type DecodedEvent, decodeEventFolder } from "./decode-event-folder.ts";
export { type Forward64, type ForwardOptions, forward64 } from "./forward64.ts";
export { normal, randomImages, randomSpec, randomState } from "./random.ts";
export { relativeError } from "./relative-error.ts";
export { sgd64 } from "./sgd64.ts";
export type { Array64, State64 } from "./tensor64.ts";
export { type TorchReference, torchReference } from "./torch-reference.ts";
