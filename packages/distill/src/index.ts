export { type AnswerFormat, answerRowBytes, checkAnswerFormat, imageOfRow, isWholeRow } from "./answer-rows.ts";
export { attentionLoss } from "./attention-loss.ts";
export { AUXILIARY_LOSS_DEFAULTS, type AuxiliaryLossOptions, withAuxiliaryLoss } from "./auxiliary-loss.ts";
export type { Batch, BatchSource, DataSetFacts } from "./batch-source.ts";
export { batchesOf, type GivenBatch } from "./batches-of.ts";
export { bestEpoch } from "./best-epoch.ts";
export type { Classifier } from "./classifier.ts";
export { CROSS_ENTROPY_DEFAULTS, type CrossEntropyOptions, crossEntropy } from "./cross-entropy.ts";
export { DIST_LOSS_DEFAULTS, type DistLossOptions, distLoss } from "./dist-loss.ts";
export { type DistillationOptions, distillationObjective } from "./distillation-objective.ts";
export { DKD_LOSS_DEFAULTS, type DkdLossOptions, dkdLoss } from "./dkd-loss.ts";
export { type EnsembleOptions, ensembleTeacher } from "./ensemble-teacher.ts";
export { type EvaluateOptions, type Evaluation, type EvaluationBatch, evaluate } from "./evaluate.ts";
export { hardTargetLoss } from "./hard-target-loss.ts";
export { hintLoss } from "./hint-loss.ts";
export { HintProjections } from "./hint-projections.ts";
export { jsonlLogger } from "./jsonl-logger.ts";
export { KD_LOSS_DEFAULTS, type KdLossOptions, kdLoss } from "./kd-loss.ts";
export { LOSS_NAMES, type LossTerm, needsFeatures, type TermInputs } from "./loss-terms.ts";
export type {
  BatchLoss,
  Figures,
  Objective,
  ObjectiveBatch,
  TrainingPosition,
} from "./objective.ts";
export { crossEntropyObjective, kdObjective } from "./objectives.ts";
export { oneHot } from "./one-hot.ts";
export {
  ADAMW_DEFAULTS,
  type AdamWOptions,
  type OptimizerOptions,
  optimizerOptions,
  SGD_DEFAULTS,
  type SgdOptions,
} from "./optimizer-options.ts";
export { type AnswerStore, type RecordedTeacherOptions, recordedTeacher } from "./recorded-teacher.ts";
export { linearly, type Scheduled } from "./scheduled.ts";
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
export { selectClasses } from "./select-classes.ts";
export { DEFAULT_TEMPERATURE, softTargetLoss, type TemperatureOptions } from "./soft-target-loss.ts";
export { type StepCount, stepsOf } from "./step-report.ts";
export { targetsOf } from "./targets.ts";
export type { Teacher } from "./teacher.ts";
export { averageTeacher, cachedTeacher, networkTeacher, teacherLogits } from "./teachers.ts";
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
