import type { NdArray, Network, StateDict, TrainableNetwork } from "@repvgg/core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import type { BatchSource } from "./batch-source.ts";
import type { EvaluationBatch } from "./evaluate.ts";
import type { Figures, Objective } from "./objective.ts";
import type { OptimizerOptions } from "./optimizer-options.ts";
import type { Schedule } from "./schedules.ts";

/** One line of a training's history: an epoch on one split. Rates are fractions. */
export interface EpochRecord {
  /** Counted from 1. */
  readonly epoch: number;
  /** `ema`: the validation set, with the average of the weights. */
  readonly split: "train" | "val" | "ema";
  /** Mean loss: the objective's on `train`, else cross-entropy. */
  readonly loss: number;
  readonly top1: number;
  readonly top5: number;
  /** Learning rate of the epoch's last step. */
  readonly lr: number;
  readonly imagesPerSecond: number;
  readonly seconds: number;
  /** Of `seconds`, those in which the training waited for its batches; given on `train`. */
  readonly dataSeconds?: number;
  /** Means of what the objective told of its steps; absent where it told nothing. */
  readonly figures?: Figures;
  /** Batches whose loss was not finite; absent where there were none. */
  readonly skipped?: number;
}

/** What is known after a step: an update of the parameters. */
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
  /** Mean loss of this step's batches, before the update. NaN if all were skipped. */
  readonly loss: number;
  readonly learningRate: number;
  /** L2 norm of the gradient before it was clipped; given where `maxGradientNorm` is. */
  readonly gradientNorm?: number;
  /** Batches of this epoch so far whose loss was not finite. */
  readonly skipped: number;
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
  /** The validation with the average of the weights; given with `ema`. */
  readonly average?: EpochRecord;
  /** Whether this epoch is the best so far: by top-1 on the validation set, without one on the training set. */
  readonly isBest: boolean;
  /** The better of this epoch's weights: `ema` where their average answered better. */
  readonly better: "network" | "ema";
}

/** A batch of the validation after an epoch, with what the network answered. */
export interface ValidationBatch extends EvaluationBatch {
  /** Counted from 1. */
  readonly epoch: number;
  /** Which weights answered: the trained ones, or with `ema` their average, which is validated after them. */
  readonly split: "val" | "ema";
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
    readonly dataSeconds?: number;
    readonly figures?: Figures;
    readonly skipped?: number;
  };
  /** All finished epochs. */
  readonly history: readonly EpochRecord[];
}

/** All that continues a training bit for bit, in the middle of an epoch too. */
export interface TrainerState {
  readonly progress: TrainerProgress;
  /** Make the network of the resumed training from it. */
  readonly network: StateDict;
  /** As `TrainableNetwork.exportOptimizerState` gives it; empty before the first step. */
  readonly optimizer: ReadonlyMap<string, NdArray>;
  /** The average of the weights; absent without one. */
  readonly average?: StateDict;
  /** What the objective learnt itself; absent where it learns nothing. */
  readonly objective?: ReadonlyMap<string, NdArray>;
}

/** A network that learns; one that takes only images of one size, or batches of one size, may say which. */
export type Student = TrainableNetwork<Tensor, Scalar> & {
  readonly imageSize?: readonly [height: number, width: number];
  readonly batchSize?: number;
};

/** An exponential moving average of the weights: `a ← decay · a + (1 − decay) · w` after each step, at first `a = w`. */
export interface EmaOptions {
  /** In [0, 1). */
  readonly decay: number;
  /** The decay rises from 0 to `decay` as `1 − k^(−2/3)` does at step k, so that the first weights are soon forgotten; timm's. @default false */
  readonly warmup?: boolean;
}

/** Why a state is saved: an epoch is done, `saveEverySteps` steps are, or the signal stopped the training. */
export type SaveReason = "epoch" | "steps" | "abort";

export interface TrainerOptions {
  /** Borrowed: the caller disposes it. To resume, made from `resume.network`. */
  network: Student;
  data: BatchSource;
  /** @default withAuxiliaryLoss(crossEntropyObjective()) */
  objective?: Objective;
  epochs: number;
  /** @default SGD, with SGD_DEFAULTS */
  optimizer?: OptimizerOptions;
  /** @default cosineSchedule() */
  schedule?: Schedule;
  /** Batches whose mean gradient makes one step; the last step of an epoch may have fewer. @default 1 */
  accumulate?: number;
  /** Keeps an average of the weights and running statistics, and validates it too. @default none */
  ema?: EmaOptions;
  /** Stops when so many epochs in a row were no better than the best before them. @default never */
  patience?: number;
  /**
   * At a batch whose loss is not finite: `stop` with `E_DIVERGED`, or `skip` it. Weights that are not finite stop the training in
   * any case, and so do ten batches in a row. @default "stop"
   */
  onNonFinite?: "stop" | "skip";
  /** Evaluated after each epoch: the whole of it, in inference mode. */
  validation?: BatchSource;
  /**
   * Validates on a network made for it of the state that it is given, rather than on the one that is trained: for images of another
   * size. Disposed after use.
   */
  evaluationNetwork?(state: StateDict): Promise<Network>;
  /**
   * What the next epoch is trained with, where that changes: another network, made of the state of the one before, and batches of
   * its size. What the optimiser and the average hold moves on to it; the network before is the caller's to dispose.
   *
   * @param epoch Counted from 0.
   */
  prepareEpoch?(epoch: number, network: Student): Promise<{ network: Student; data: BatchSource } | undefined>;
  callbacks?: TrainerCallbacks | readonly TrainerCallbacks[];
  /** Called with a complete state; writing it is the caller's. `epoch` is given after the last step of an epoch. */
  save?(state: TrainerState, context: { reason: SaveReason; report?: EpochReport }): void | Promise<void>;
  /** Also saves in the middle of epochs. Default: only after each. */
  saveEverySteps?: number;
  /** Stops after the running step: saves, then throws `E_ABORTED`. */
  signal?: AbortSignal;
  /** Continues the training that this state was saved from. */
  resume?: Pick<TrainerState, "progress" | "optimizer" | "average" | "objective">;
}

/** What a finished training gives. */
export interface TrainingResult {
  readonly history: readonly EpochRecord[];
  /** The best epoch's record, as `EpochReport.isBest` judges. */
  readonly best: EpochRecord;
  readonly seconds: number;
  /** Whether `patience` ended it before its last epoch. */
  readonly stoppedEarly: boolean;
}
