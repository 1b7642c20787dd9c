import { RepvggError, type TrainStepResult } from "@repvgg/core";
import type { EpochRecord, StepReport, TrainerProgress } from "./trainer-types.ts";
import type { StepFigures } from "./training-steps.ts";

/** Steps done, and to do in all. */
export interface StepCount {
  readonly step: number;
  readonly totalSteps: number;
}

/**
 * @param accumulate Batches of a step; the last one of an epoch may have fewer.
 */
export function stepsOf({ epoch, batch, epochs, batchesPerEpoch }: TrainerProgress, accumulate: number): StepCount {
  const perEpoch = Math.ceil(batchesPerEpoch / accumulate);
  const inEpoch = batch === batchesPerEpoch ? perEpoch : Math.floor(batch / accumulate);
  return { step: epoch * perEpoch + inEpoch, totalSteps: epochs * perEpoch };
}

/** Whether no batches wait for the rest of their step. */
export const isUpdateDone = ({ batch, batchesPerEpoch }: TrainerProgress, accumulate: number): boolean =>
  batch % accumulate === 0 || batch === batchesPerEpoch;

/** What a report is made of. */
export interface ReportParts {
  readonly progress: TrainerProgress;
  readonly steps: StepCount;
  readonly figures: StepFigures;
  /** Means over the running epoch. */
  readonly soFar: EpochRecord;
  /** What one validation takes, as far as it is known; else 0. */
  readonly validationSeconds: number;
}

export function stepReport({ progress, steps, figures, soFar, validationSeconds }: ReportParts): StepReport {
  const { epoch, batch, epochs, batchesPerEpoch } = progress;
  const batchesLeft = (epochs - epoch) * batchesPerEpoch - batch;
  return {
    ...steps,
    epoch: epoch + 1,
    epochs,
    batch,
    batchesPerEpoch,
    ...figures,
    skipped: soFar.skipped ?? 0,
    learningRate: soFar.lr,
    averageLoss: soFar.loss,
    top1: soFar.top1,
    imagesPerSecond: soFar.imagesPerSecond,
    etaSeconds: (batchesLeft * soFar.seconds) / batch + (epochs - epoch) * validationSeconds,
  };
}

/** The error of a step that is not finite; `progress` is that before the step. */
export function divergedError(
  { step, totalSteps }: StepCount,
  { epoch, epochs }: TrainerProgress,
  { loss, nonFinite, learningRate }: Pick<TrainStepResult, "loss" | "nonFinite"> & { learningRate: number },
): RepvggError {
  const what = nonFinite?.what === "gradient" ? "The gradient's norm was not finite" : `The loss became ${loss}`;
  return new RepvggError(
    "E_DIVERGED",
    `${what} at step ${step + 1} of ${totalSteps} (epoch ${epoch + 1} of ${epochs}), with a learning rate of ` +
      `${Number(learningRate.toPrecision(3))}. ${origin(nonFinite)}`,
  );
}

/** Where it began, and what to do about it. */
function origin(nonFinite: TrainStepResult["nonFinite"]): string {
  const lower = "Lower the learning rate, add warm-up epochs, or limit the gradient's norm";
  const unchanged = "The parameters are those before that step.";
  switch (nonFinite?.what) {
    case "images":
      return `It began in the images, which hold NaN or infinity. ${unchanged} Look at the data and its normalisation.`;
    case "parameter":
      return `It began at ${nonFinite.name}: an earlier step made that parameter NaN or infinite. ${lower}, and resume from the last saved state.`;
    case "output":
      return `It began in the output of ${nonFinite.name}. ${unchanged} ${lower}.`;
    case "gradient":
      return `It began at the gradient of ${nonFinite.name}. ${unchanged} ${lower}.`;
    default:
      return `The network's outputs are finite: it began in the loss itself. ${unchanged} ${lower}, or look at the loss.`;
  }
}

/** The error of weights that must not be saved: a step made them NaN or infinite. */
export function spoiltWeightsError(
  name: string,
  { step, totalSteps }: StepCount,
  { epoch, epochs }: TrainerProgress,
): RepvggError {
  return new RepvggError(
    "E_DIVERGED",
    `${name} holds NaN or infinity after step ${step} of ${totalSteps} (epoch ${epoch + 1} of ${epochs}); this state is not saved. ` +
      "Lower the learning rate, add warm-up epochs, or limit the gradient's norm, and resume from the state saved before.",
  );
}
