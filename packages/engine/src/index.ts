export { type EngineVariant, type LoadedEngine, loadEngine } from "./binaries.ts";
export { estimateMemory, type InferenceSize, type TrainingSize } from "./estimate-memory.ts";
export { createInferenceNetwork, type EngineNetworkOptions, type InferenceOptions } from "./inference.ts";
export { MOST_THREADS } from "./operations.ts";
export { enableWideKernels, revectorized } from "./probe.ts";
export { testOptimized } from "./self-test/test-optimized.ts";
export { createTrainingNetwork, type EngineTrainingNetwork } from "./training.ts";
export { startThreads } from "./workers.ts";
