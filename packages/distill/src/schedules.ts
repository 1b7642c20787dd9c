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
 * @returns What the optimiser's `learningRate` is multiplied by, usually in [0, 1].
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
 * Multiplied by `gamma` at each of some epochs, as PyTorch's `MultiStepLR`.
 *
 * @param options.epochs After how many epochs each drop comes, rising; fractions are rounded to steps.
 * @param options.gamma The factor of each drop. @default 0.1
 */
export function multiStepSchedule({ epochs, gamma = 0.1 }: { epochs: readonly number[]; gamma?: number }): Schedule {
  for (const [i, epoch] of epochs.entries()) {
    check("epochs", epoch, epoch > (epochs[i - 1] ?? 0) && Number.isFinite(epoch), "positive numbers that rise");
  }
  check("gamma", gamma, gamma > 0 && gamma <= 1, "in (0, 1]");
  return (step, { stepsPerEpoch }) =>
    gamma ** epochs.filter((epoch) => step >= Math.round(epoch * stepsPerEpoch)).length;
}

/**
 * Falls to 0 along a power of the steps that are left, as PyTorch's `PolynomialLR` with `total_iters = totalSteps`.
 *
 *     factor(k) = (1 − k / totalSteps)^power
 *
 * @param options.power 1 falls in a line. @default 1
 */
export function polynomialSchedule({ power = 1 }: { power?: number } = {}): Schedule {
  check("power", power, power > 0 && Number.isFinite(power), "positive");
  return (step, { totalSteps }) => (1 - step / totalSteps) ** power;
}

/**
 * Rises along half a cosine, then falls along another, as PyTorch's `OneCycleLR` with `cycle_momentum=False`.
 *
 *     rises from 1 / divFactor to 1 over the first `riseShare` of the steps, then falls to 1 / (divFactor · finalDivFactor)
 *
 * @param options.riseShare Share of the steps, in (0, 1). @default 0.3
 * @param options.divFactor @default 25
 * @param options.finalDivFactor @default 10000
 * @see Smith and Topin 2018, §4. https://arxiv.org/abs/1708.07120
 */
export function oneCycleSchedule({
  riseShare = 0.3,
  divFactor = 25,
  finalDivFactor = 1e4,
}: {
  riseShare?: number;
  divFactor?: number;
  finalDivFactor?: number;
} = {}): Schedule {
  check("riseShare", riseShare, riseShare > 0 && riseShare < 1, "in (0, 1)");
  check("divFactor", divFactor, divFactor >= 1 && Number.isFinite(divFactor), "1 or more");
  check("finalDivFactor", finalDivFactor, finalDivFactor >= 1 && Number.isFinite(finalDivFactor), "1 or more");
  const first = 1 / divFactor;
  const between = (from: number, to: number, share: number) => to + ((from - to) * (1 + Math.cos(Math.PI * share))) / 2;
  return (step, { totalSteps }) => {
    const [peak, last] = [riseShare * totalSteps - 1, totalSteps - 1];
    if (step <= peak) return between(first, 1, step / peak);
    return between(1, first / finalDivFactor, (step - peak) / (last - peak));
  };
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
