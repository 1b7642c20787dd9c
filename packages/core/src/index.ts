export { RepvggError, type RepvggErrorCode, ShapeError } from "./errors.ts";
export { type BlockPlan, type LayerPlan, layerPlan } from "./layer-plan.ts";
export {
  type Images,
  type Kernel,
  type Logits,
  type NdArray,
  ndArray,
  type PerChannel,
  sameShape,
  sizeOf,
  zeros,
} from "./nd-array.ts";
export {
  BATCH_NORM,
  type LossFunction,
  type Network,
  type Outputs,
  type SgdStep,
  type TrainableNetwork,
  type TrainStepResult,
} from "./network.ts";
export { defineSpec, type Form, type RepVggSpec, SPEC_DEFAULTS } from "./spec.ts";
export type { StateDict } from "./state-dict.ts";
export { type StateEntry, type StateRole, stateLayout } from "./state-layout.ts";
