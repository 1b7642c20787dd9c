export type { Batch, BatchSource, DataSetFacts } from "./batch-source.ts";
export { CROSS_ENTROPY_DEFAULTS, type CrossEntropyOptions, crossEntropy } from "./cross-entropy.ts";
export { type EvaluateOptions, type Evaluation, type EvaluationBatch, evaluate } from "./evaluate.ts";
export { jsonlLogger } from "./jsonl-logger.ts";
export { KD_LOSS_DEFAULTS, type KdLossOptions, kdLoss } from "./kd-loss.ts";
export type {
  BatchLoss,
  Figures,
  Objective,
  ObjectiveStep,
  TrainingPosition,
} from "./objective.ts";
export { crossEntropyObjective, kdObjective, type Teacher } from "./objectives.ts";
export { oneHot } from "./one-hot.ts";
export {
  ADAMW_DEFAULTS,
  type AdamWOptions,
  type OptimizerOptions,
  optimizerOptions,
  SGD_DEFAULTS,
  type SgdOptions,
} from "./optimizer-options.ts";
export {
  constantSchedule,
  cosineSchedule,
  multiStepSchedule,
  oneCycleSchedule,
  polynomialSchedule,
  type Schedule,
  stepSchedule,
  type TrainingLength,
  withWarmup,
} from "./schedules.ts";
export { cachedTeacher, networkTeacher, teacherLogits } from "./teachers.ts";
export { Trainer } from "./trainer.ts";
export type {
  EmaOptions,
  EpochRecord,
  EpochReport,
  SaveReason,
  StepReport,
  Student,
  TrainerCallbacks,
  TrainerOptions,
  TrainerProgress,
  TrainerState,
  TrainingResult,
  ValidationBatch,
} from "./trainer-types.ts";
