import { RepvggError } from "@repvgg/core";
import type { EpochRecord, StepReport, TrainerProgress } from "./trainer-types.ts";

/** Steps done and to do. */
export function stepsOf({ epoch, batch, epochs, batchesPerEpoch }: TrainerProgress): {
  step: number;
  totalSteps: number;
} {
  return { step: epoch * batchesPerEpoch + batch, totalSteps: epochs * batchesPerEpoch };
}

/**
 * @param loss Of the last step's batch.
 * @param soFar Means over the running epoch.
 * @param validationSeconds What one validation takes, as far as it is known; else 0.
 */
export function stepReport(
  progress: TrainerProgress,
  loss: number,
  soFar: EpochRecord,
  validationSeconds: number,
): StepReport {
  const { epoch, batch, epochs, batchesPerEpoch } = progress;
  const { step, totalSteps } = stepsOf(progress);
  const secondsPerStep = soFar.seconds / batch;
  return {
    step,
    totalSteps,
    epoch: epoch + 1,
    epochs,
    batch,
    batchesPerEpoch,
    loss,
    learningRate: soFar.lr,
    averageLoss: soFar.loss,
    top1: soFar.top1,
    imagesPerSecond: soFar.imagesPerSecond,
    etaSeconds: (totalSteps - step) * secondsPerStep + (epochs - epoch) * validationSeconds,
  };
}

/** The error of a loss that is not finite; `progress` is that before the step. */
export function divergedError(progress: TrainerProgress, loss: number, learningRate: number): RepvggError {
  const { step, totalSteps } = stepsOf(progress);
  const where = `step ${step + 1} of ${totalSteps} (epoch ${progress.epoch + 1} of ${progress.epochs})`;
  return new RepvggError(
    "E_DIVERGED",
    `The loss became ${loss} at ${where}, with a learning rate of ${Number(learningRate.toPrecision(3))}. The parameters ` +
      "are those before that step. Lower the learning rate or add warm-up epochs; if it happens at the first step, look " +
      "for NaN in the images or in the initial weights.",
  );
}
