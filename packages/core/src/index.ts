export { assertBatchStatistics } from "./assert-batch-statistics.ts";
export { assertTrains } from "./assert-trains.ts";
export { checkLayout, checkState, takeState } from "./check-state.ts";
export { compareLogits, type LogitsComparison, type LogitsOf } from "./compare-logits.ts";
export { compareWeights, type WeightsDifference, worstPart } from "./compare-weights.ts";
export { RepvggError, type RepvggErrorCode, ShapeError } from "./errors.ts";
export { examineStatistics, type StatisticsProblem } from "./examine-statistics.ts";
export { firstNotFinite } from "./first-not-finite.ts";
export { formOf } from "./form-of.ts";
export { freezeEntries, frozenBlocks, isFrozen, STAGE_NAMES } from "./frozen-blocks.ts";
export { fuseBlock } from "./fuse-block.ts";
export { type BatchNormState, batchNormOf, fuseConvBn } from "./fuse-conv-bn.ts";
export { fuseState, fuseStateLazily } from "./fuse-network.ts";
export { halfToNumber, numberToHalf } from "./half.ts";
export { initialState } from "./initial-state.ts";
export { type AuxiliaryPlan, type BlockPlan, type LayerPlan, layerPlan } from "./layer-plan.ts";
export { lazyList } from "./lazy-list.ts";
export { type LazyArray, LazyState } from "./lazy-state.ts";
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
export { nearestName } from "./nearest-name.ts";
export {
  BATCH_NORM,
  type LossFunction,
  type Network,
  type NonFinite,
  type OutputGradients,
  type Outputs,
  type TrainableNetwork,
  type TrainStepResult,
} from "./network.ts";
export {
  type OptimizerArrays,
  type OptimizerKind,
  readOptimizerState,
  writeOptimizerState,
} from "./optimizer-state.ts";
export {
  type Accumulation,
  type AdamWStep,
  CLIP_EPSILON,
  OPTIMIZER_STATE,
  type OptimizerStep,
  type SgdStep,
  type UpdateOptions,
} from "./optimizer-step.ts";
export { parseForms } from "./parse-forms.ts";
export { parseSpec } from "./parse-spec.ts";
export { type Predict64Options, predict64 } from "./predict64.ts";
export { type LayerProfile, type Profile, profile } from "./profile.ts";
export { type Random, seededRandom } from "./random.ts";
export { defineSpec, type Form, type Forms, formOfBlock, joinedForms, type RepVggSpec, SPEC_DEFAULTS } from "./spec.ts";
export { specOf } from "./spec-of.ts";
export { type StateDict, stateValue } from "./state-dict.ts";
export { isBranchKernel, type StateEntry, type StateRole, squeezePrefix, stateLayout } from "./state-layout.ts";
export { findVariant, VARIANTS, type Variant, variantOf } from "./variants.ts";
