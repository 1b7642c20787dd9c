import type { Accumulation, LossFunction, NdArray } from "@repvgg/core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import type { Batch } from "./batch-source.ts";
import type { TrainingLength } from "./schedules.ts";

/** The loss of one batch as a function of the network's outputs. */
export type BatchLoss = LossFunction<Tensor, Scalar>;

/** Where in a training a batch is. */
export interface TrainingPosition extends TrainingLength {
  /** The running epoch, counted from 0. */
  readonly epoch: number;
  /** Steps already done, from 0 to `totalSteps − 1`. */
  readonly step: number;
}

/** The batch that was just done with the loss that the objective gave. */
export interface ObjectiveBatch {
  readonly learningRate: number;
  /** Whether its gradient counts: that of a loss that is not finite does not. */
  readonly applied: boolean;
  /** The batch's share of an update that several make; absent where each makes one. */
  readonly accumulation?: Accumulation;
}

/** What an objective tells of its batches, by name. */
export type Figures = Readonly<Record<string, number>>;

/**
 * What a network is trained for: gives the loss of one batch as a function of the network's outputs.
 *
 * It may first do asynchronous work (run a teacher); the loss itself is synchronous tfjs code:
 *
 *     const objective: Objective = (batch) => ({ logits }) => myLoss(logits, batch.labels);
 *
 * An objective that learns something itself, such as the projections of hints, has the methods too.
 */
export interface Objective {
  (batch: Batch, position: TrainingPosition): BatchLoss | Promise<BatchLoss>;
  /**
   * Called after every batch. What the loss itself learns is updated here, where the network is: with the last batch of a step.
   *
   * @returns Figures of this batch; their means over the epoch go into its record.
   */
  afterBatch?(batch: ObjectiveBatch): Figures | Promise<Figures>;
  /** All that the objective has learnt; saved and restored with the training. */
  exportState?(): Promise<Map<string, NdArray>>;
  /** @throws {RepvggError} `E_STATE`: a name or shape does not fit. */
  importState?(state: ReadonlyMap<string, NdArray>): Promise<void>;
}
