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
  constantSchedule,
  cosineSchedule,
  type Schedule,
  stepSchedule,
  type TrainingLength,
  withWarmup,
} from "./schedules.ts";
export { SGD_DEFAULTS, type SgdOptions, sgdOptions } from "./sgd-options.ts";
export { cachedTeacher, networkTeacher, teacherLogits } from "./teachers.ts";
export { Trainer } from "./trainer.ts";
export type {
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
