import { type Forms, frozenBlocks, layerPlan } from "@repvgg/core";
import { compileInference, compileTraining } from "./compile.ts";
import type { EngineNetworkOptions } from "./engine-network.ts";
import { imagesPerRun } from "./images-per-run.ts";
import type { TrainingNetworkOptions } from "./training.ts";

/** What answers: as `createInferenceNetwork` takes it, but for the state. */
export type InferenceSize = Omit<EngineNetworkOptions, "state"> & { readonly form: Forms };

/** What learns: as `createTrainingNetwork` takes it, but for the state, and what else its steps use. */
export interface TrainingSize extends Omit<TrainingNetworkOptions, "state"> {
  readonly form?: undefined;
  /** The optimiser is AdamW, which keeps a second moment. @default false */
  readonly adamw?: boolean;
  /** Gradients of several steps are gathered. @default false */
  readonly accumulates?: boolean;
  /** A moving average of the weights is kept. @default false */
  readonly averages?: boolean;
}

/**
 * Bytes that a network will take in the engine, before it is made: parameters, activations, gradients, tables and scratch. What a
 * process takes without any network, some 60 MiB and 10 for each further thread, comes on top; of the memory that the network
 * reserves for what its steps may use, only what they do use is counted.
 *
 * @returns More than 2³² where it cannot be made at all.
 */
export function estimateMemory(options: InferenceSize | TrainingSize): number {
  const { spec, imageSize, batchSize = 1, threads = 1, exact } = options;
  const plan = layerPlan(spec, imageSize);
  if (options.form !== undefined) {
    const batch = imagesPerRun(batchSize, plan.inputSize);
    return compileInference(plan, options.form, batch, threads, exact).memory.bytes;
  }
  const { freeze = [], checkpointing, adamw, accumulates, averages } = options;
  const frozen = frozenBlocks(plan, freeze);
  const layout = { frozen, checkpointing, exact, extras: false };
  const { memory, result } = compileTraining(plan, batchSize, threads, layout);
  const { decayed, plain, statistics } = result.parameters;
  const learning = decayed.floats + plain.floats;
  const beside = [adamw && learning, accumulates && learning, averages && learning + statistics.floats];
  return memory.bytes + 4 * beside.reduce<number>((sum, floats) => sum + (floats || 0), 0);
}
