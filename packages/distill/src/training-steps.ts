import { type OptimizerStep, RepvggError } from "@repvgg/core";
import { withAuxiliaryLoss } from "./auxiliary-loss.ts";
import type { Batch } from "./batch-source.ts";
import { checkBatch } from "./check-training.ts";
import type { EpochMeter } from "./epoch-meter.ts";
import type { Objective, TrainingPosition } from "./objective.ts";
import { crossEntropyObjective } from "./objectives.ts";
import { optimizerOptions } from "./optimizer-options.ts";
import { cosineSchedule, type Schedule } from "./schedules.ts";
import { divergedError, isUpdateDone, stepsOf } from "./step-report.ts";
import type { EmaOptions, Student, TrainerOptions, TrainerProgress } from "./trainer-types.ts";

/** Batches in a row whose loss is not finite, after which skipping them is no help. */
const MOST_SKIPPED = 10;

/** What is known of the step whose batches are being done. */
export interface StepFigures {
  /** Mean over its batches so far; NaN if all were skipped. */
  readonly loss: number;
  readonly gradientNorm?: number;
}

/** Does the batches of a training: objective, network, optimiser, schedule. One or several of them make a step. */
export class TrainingSteps {
  readonly objective: Objective;
  readonly accumulate: number;
  readonly #optimizer: OptimizerStep;
  readonly #schedule: Schedule;
  readonly #ema: EmaOptions | undefined;
  readonly #skips: boolean;
  #losses: number[] = [];
  #gradientNorm: number | undefined;
  #skippedInARow = 0;

  /** @throws {RepvggError} `E_USAGE`: an option is out of range. */
  constructor({ objective, optimizer, schedule, accumulate = 1, ema, onNonFinite = "stop" }: TrainerOptions) {
    this.objective = objective ?? withAuxiliaryLoss(crossEntropyObjective());
    this.#optimizer = optimizerOptions(optimizer);
    this.#schedule = schedule ?? cosineSchedule();
    this.accumulate = accumulate;
    this.#ema = ema;
    this.#skips = onNonFinite === "skip";
    if (ema && !(ema.decay >= 0 && ema.decay < 1)) {
      throw new RepvggError("E_USAGE", `ema.decay must be in [0, 1), got ${ema.decay}.`);
    }
  }

  /** Of the step that is running, or comes next. */
  learningRate(progress: TrainerProgress): number {
    const { step, ...length } = this.#positionOf(progress);
    return this.#optimizer.learningRate * this.#schedule(step, length);
  }

  /**
   * Does one batch.
   *
   * @param progress From before it.
   * @throws {RepvggError} `E_DIVERGED`: its loss is not finite, and it may not be skipped; `E_DATA`, `E_SHAPE`: it does not fit.
   */
  async take(network: Student, batch: Batch, progress: TrainerProgress, meter: EpochMeter): Promise<void> {
    checkBatch(batch, network.spec, "training set");
    const learningRate = this.learningRate(progress);
    const loss = await this.objective(batch, this.#positionOf(progress));
    const step = this.#stepOf(progress, learningRate);
    const result = await network.trainStep(batch.images, loss, step);
    const applied = Number.isFinite(result.loss) && result.nonFinite === undefined;
    const { accumulation } = step;
    const figures = await this.objective.afterBatch?.({ learningRate, applied, ...(accumulation && { accumulation }) });
    if (isUpdateDone(progress, this.accumulate)) [this.#losses, this.#gradientNorm] = [[], undefined];
    if (result.gradientNorm !== undefined) this.#gradientNorm = result.gradientNorm;
    if (applied) {
      this.#skippedInARow = 0;
      this.#losses.push(result.loss);
      meter.add(result.loss, result.logits, batch.labels, learningRate, figures);
      return;
    }
    const mayGoOn = this.#skips && result.nonFinite?.what !== "parameter" && ++this.#skippedInARow < MOST_SKIPPED;
    if (!mayGoOn) throw divergedError(stepsOf(progress, this.accumulate), progress, { ...result, learningRate });
    meter.skip(learningRate);
  }

  /** Of the step that the last batches made. */
  get figures(): StepFigures {
    const { length } = this.#losses;
    const loss = length === 0 ? Number.NaN : this.#losses.reduce((sum, value) => sum + value, 0) / length;
    return { loss, ...(this.#gradientNorm !== undefined && { gradientNorm: this.#gradientNorm }) };
  }

  #positionOf(progress: TrainerProgress): TrainingPosition {
    const stepsPerEpoch = Math.ceil(progress.batchesPerEpoch / this.accumulate);
    return { ...stepsOf(progress, this.accumulate), stepsPerEpoch, epoch: progress.epoch };
  }

  #stepOf(progress: TrainerProgress, learningRate: number): OptimizerStep {
    const { batch, batchesPerEpoch } = progress;
    const first = batch - (batch % this.accumulate);
    const count = Math.min(this.accumulate, batchesPerEpoch - first);
    const { step } = stepsOf(progress, this.accumulate);
    return {
      ...this.#optimizer,
      learningRate,
      ...(count > 1 && { accumulation: { weight: 1 / count, last: batch === first + count - 1 } }),
      ...(this.#ema && { averageDecay: decayAt(step + 1, this.#ema) }),
    };
  }
}

/**
 * With a warm-up: of timm's `ModelEmaV3(use_warmup=True)`.
 *
 *     decay(k) = min(decay, 1 − k^(−2/3))
 *
 * @param step `k`, counted from 1.
 */
const decayAt = (step: number, { decay, warmup = false }: EmaOptions) =>
  warmup ? Math.min(decay, 1 - step ** (-2 / 3)) : decay;
