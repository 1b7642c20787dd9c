import { RepvggError } from "@repvgg/core";

/** How long a training is. */
export interface TrainingLength {
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
}

/**
 * The factor of the learning rate at a step.
 *
 * @param step Steps already done, from 0 to `totalSteps − 1`.
 * @returns What `SgdOptions.learningRate` is multiplied by, usually in [0, 1].
 */
export type Schedule = (step: number, length: TrainingLength) => number;

/** The learning rate stays as it is. */
export function constantSchedule(): Schedule {
  return () => 1;
}

/**
 * Half a cosine, updated each step, as PyTorch's `CosineAnnealingLR` with `T_max = totalSteps`.
 *
 *     factor(k) = m + (1 − m) · ½ (1 + cos(π k / totalSteps))
 *
 * @param options.minFactor The factor `m` at the end. @default 0
 * @see Loshchilov and Hutter 2016, SGDR, §3. https://arxiv.org/abs/1608.03983
 */
export function cosineSchedule({ minFactor = 0 }: { minFactor?: number } = {}): Schedule {
  check("minFactor", minFactor, minFactor >= 0 && minFactor <= 1, "in [0, 1]");
  return (step, { totalSteps }) => minFactor + ((1 - minFactor) * (1 + Math.cos((Math.PI * step) / totalSteps))) / 2;
}

/**
 * Multiplied by `gamma` every `epochs` epochs, as PyTorch's `StepLR`.
 *
 * @param options.epochs Epochs between two drops. @default 30
 * @param options.gamma The factor of each drop. @default 0.1
 */
export function stepSchedule({ epochs = 30, gamma = 0.1 }: { epochs?: number; gamma?: number } = {}): Schedule {
  check("epochs", epochs, epochs > 0, "positive");
  check("gamma", gamma, gamma > 0 && gamma <= 1, "in (0, 1]");
  return (step, { stepsPerEpoch }) => gamma ** Math.floor(step / (epochs * stepsPerEpoch));
}

/**
 * A linear rise before another schedule, which then runs over the steps that are left: PyTorch's `LinearLR` followed by
 * the schedule in a `SequentialLR`.
 *
 * @param options.epochs Length of the rise; fractions are rounded to steps.
 * @param options.startFactor The factor at the first step. @default 0.01
 */
export function withWarmup(
  schedule: Schedule,
  { epochs, startFactor = 0.01 }: { epochs: number; startFactor?: number },
): Schedule {
  check("epochs", epochs, epochs >= 0, "0 or more");
  check("startFactor", startFactor, startFactor >= 0 && startFactor <= 1, "in [0, 1]");
  return (step, { totalSteps, stepsPerEpoch }) => {
    const warmup = Math.round(epochs * stepsPerEpoch);
    if (warmup >= totalSteps) {
      throw new RepvggError(
        "E_USAGE",
        `A warm-up of ${epochs} epochs leaves nothing of a training of ${totalSteps / stepsPerEpoch}. Make it shorter.`,
      );
    }
    const after = { totalSteps: totalSteps - warmup, stepsPerEpoch };
    if (step >= warmup) return schedule(step - warmup, after);
    return schedule(0, after) * (startFactor + ((1 - startFactor) * step) / warmup);
  };
}

function check(name: string, value: number, valid: boolean, expected: string): void {
  if (!valid) throw new RepvggError("E_USAGE", `${name} must be ${expected}, got ${value}.`);
}
