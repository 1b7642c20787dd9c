import { BatchLoader, compose, preprocess, shift } from "@repvgg/data";
import {
  ADAMW_DEFAULTS,
  constantSchedule,
  cosineSchedule,
  type OptimizerOptions,
  oneCycleSchedule,
  polynomialSchedule,
  type Schedule,
  SGD_DEFAULTS,
  stepSchedule,
  withWarmup,
} from "@repvgg/distill";
import { decoded, everyImage } from "./batch-sources.ts";
import type { Settings } from "./settings.ts";
import type { TrainingPlan } from "./training-plan.ts";

const SHIFT_PIXELS = 2;
const VALIDATION_BATCH = 256;

/** The loaders of a training: shuffled, augmented, whole batches only; and every validation image once, in order. */
export function trainingSources({ settings, training, validation, preprocessing }: TrainingPlan) {
  const { batchSize, seed, augment } = settings;
  const toInput = preprocess(preprocessing);
  const transform = augment === "shift" ? compose(shift({ maxPixels: SHIFT_PIXELS }), toInput) : toInput;
  return {
    data: new BatchLoader({ dataset: decoded(training), batchSize, shuffle: true, seed, dropLast: true, transform }),
    validation: everyImage(validation, preprocessing, VALIDATION_BATCH),
  };
}

/** Of the optimiser that the settings name, with its own defaults. */
export function optimizerOf(settings: Settings): OptimizerOptions {
  const { optimizer, lr, momentum, nesterov, weightDecay, clipGrad, customL2 } = settings;
  const common = {
    ...(lr !== undefined && { learningRate: lr }),
    ...(weightDecay !== undefined && { weightDecay }),
    ...(customL2 !== undefined && { customL2 }),
    ...(clipGrad !== undefined && { maxGradientNorm: clipGrad }),
  };
  return optimizer === "adamw" ? { ...ADAMW_DEFAULTS, ...common } : { ...SGD_DEFAULTS, ...common, momentum, nesterov };
}

export function scheduleOf(settings: Settings): Schedule {
  const { warmupEpochs } = settings;
  const chosen = fallOf(settings);
  return warmupEpochs > 0 ? withWarmup(chosen, { epochs: warmupEpochs }) : chosen;
}

function fallOf(settings: Settings): Schedule {
  switch (settings.schedule) {
    case "cosine":
      return cosineSchedule({ minFactor: settings.minLr / optimizerOf(settings).learningRate! });
    case "step":
      return stepSchedule({ epochs: settings.stepEpochs });
    case "polynomial":
      return polynomialSchedule();
    case "one-cycle":
      return oneCycleSchedule();
    case "constant":
      return constantSchedule();
  }
}

/** The names of the stages that do not learn. */
export const frozenStages = ({ freeze }: Settings): string[] => freeze?.split(",").map((name) => name.trim()) ?? [];
