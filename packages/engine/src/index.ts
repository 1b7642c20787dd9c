export { type EngineVariant, loadEngine } from "./binaries.ts";
export { createInferenceNetwork, type EngineNetworkOptions, type InferenceOptions } from "./inference.ts";
export { enableWideKernels, revectorized } from "./probe.ts";
export { createTrainingNetwork, type EngineTrainingNetwork } from "./training.ts";
