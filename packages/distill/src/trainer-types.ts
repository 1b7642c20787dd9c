import type { NdArray, StateDict, TrainableNetwork } from "@repvgg/core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import type { BatchSource } from "./batch-source.ts";
import type { EvaluationBatch } from "./evaluate.ts";
import type { Figures, Objective } from "./objective.ts";
import type { Schedule } from "./schedules.ts";
import type { SgdOptions } from "./sgd-options.ts";

/** One line of a training's history: an epoch on one split. Rates are fractions. */
export interface EpochRecord {
  /** Counted from 1. */
  readonly epoch: number;
  readonly split: "train" | "val";
  /** Mean loss: the objective's on `train`, cross-entropy on `val`. */
  readonly loss: number;
  readonly top1: number;
  readonly top5: number;
  /** Learning rate of the epoch's last step. */
  readonly lr: number;
  readonly imagesPerSecond: number;
  readonly seconds: number;
  /** Means of what the objective told of its steps; absent where it told nothing. */
  readonly figures?: Figures;
}

/** What is known after a step. */
export interface StepReport {
  /** Steps done, of `totalSteps`. */
  readonly step: number;
  readonly totalSteps: number;
  /** Counted from 1, of `epochs`. */
  readonly epoch: number;
  readonly epochs: number;
  /** Batches done in this epoch, of `batchesPerEpoch`. */
  readonly batch: number;
  readonly batchesPerEpoch: number;
  /** Loss of this step's batch, before the update. */
  readonly loss: number;
  readonly learningRate: number;
  /** Means over the epoch so far. */
  readonly averageLoss: number;
  readonly top1: number;
  readonly imagesPerSecond: number;
  /** Expected seconds until the whole training, validation included, is done. */
  readonly etaSeconds: number;
}

/** What is known after an epoch. */
export interface EpochReport {
  readonly epoch: number;
  readonly epochs: number;
  readonly train: EpochRecord;
  /** Absent without a validation set. */
  readonly validation?: EpochRecord;
  /** Whether this epoch is the best so far: by top-1 on the validation set, without one on the training set. */
  readonly isBest: boolean;
}

/** A batch of the validation after an epoch, with what the network answered. */
export interface ValidationBatch extends EvaluationBatch {
  /** Counted from 1. */
  readonly epoch: number;
}

/** The trainer waits for what a callback returns. */
export interface TrainerCallbacks {
  /** Before `onEpoch`: for confusion matrices, calibration, the images that it gets wrong. */
  onValidationBatch?(report: ValidationBatch): void | Promise<void>;
  onStep?(report: StepReport): void | Promise<void>;
  onEpoch?(report: EpochReport): void | Promise<void>;
}

/** Where a training stands: plain JSON. */
export interface TrainerProgress {
  readonly version: 1;
  /** The running epoch, counted from 0. */
  readonly epoch: number;
  /** Batches done in it. */
  readonly batch: number;
  /** Of which training this is the progress; a resumed one must be the same. */
  readonly epochs: number;
  readonly batchesPerEpoch: number;
  /** Sums over the running epoch. */
  readonly running: {
    readonly images: number;
    readonly loss: number;
    readonly top1: number;
    readonly top5: number;
    readonly seconds: number;
    readonly lr: number;
    readonly figures?: Figures;
  };
  /** All finished epochs. */
  readonly history: readonly EpochRecord[];
}

/** All that continues a training bit for bit, in the middle of an epoch too. */
export interface TrainerState {
  readonly progress: TrainerProgress;
  /** Make the network of the resumed training from it. */
  readonly network: StateDict;
  /** Momentum buffers by parameter name; empty before the first step. */
  readonly optimizer: ReadonlyMap<string, NdArray>;
  /** What the objective learnt itself; absent where it learns nothing. */
  readonly objective?: ReadonlyMap<string, NdArray>;
}

/** A network that learns; one that takes only images of one size, or batches of one size, may say which. */
export type Student = TrainableNetwork<Tensor, Scalar> & {
  readonly imageSize?: readonly [height: number, width: number];
  readonly batchSize?: number;
};

/** Why a state is saved: an epoch is done, `saveEverySteps` steps are, or the signal stopped the training. */
export type SaveReason = "epoch" | "steps" | "abort";

export interface TrainerOptions {
  /** Borrowed: the caller disposes it. To resume, made from `resume.network`. */
  network: Student;
  data: BatchSource;
  /** @default crossEntropyObjective() */
  objective?: Objective;
  epochs: number;
  sgd?: SgdOptions;
  /** @default cosineSchedule() */
  schedule?: Schedule;
  /** Evaluated after each epoch: the whole of it, in inference mode. */
  validation?: BatchSource;
  callbacks?: TrainerCallbacks | readonly TrainerCallbacks[];
  /** Called with a complete state; writing it is the caller's. `epoch` is given after the last step of an epoch. */
  save?(state: TrainerState, context: { reason: SaveReason; report?: EpochReport }): void | Promise<void>;
  /** Also saves in the middle of epochs. Default: only after each. */
  saveEverySteps?: number;
  /** Stops after the running step: saves, then throws `E_ABORTED`. */
  signal?: AbortSignal;
  /** Continues the training that this state was saved from. */
  resume?: Pick<TrainerState, "progress" | "optimizer" | "objective">;
}

/** What a finished training gives. */
export interface TrainingResult {
  readonly history: readonly EpochRecord[];
  /** The best epoch's record, as `EpochReport.isBest` judges. */
  readonly best: EpochRecord;
  readonly seconds: number;
}
