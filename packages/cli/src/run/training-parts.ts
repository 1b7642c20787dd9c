import { BatchLoader, compose, preprocess, shift } from "@repvgg/data";
import { constantSchedule, cosineSchedule, type Schedule, stepSchedule, withWarmup } from "@repvgg/distill";
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

export function scheduleOf({ schedule, stepEpochs, warmupEpochs }: Settings): Schedule {
  const chosen =
    schedule === "cosine"
      ? cosineSchedule()
      : schedule === "step"
        ? stepSchedule({ epochs: stepEpochs })
        : constantSchedule();
  return warmupEpochs > 0 ? withWarmup(chosen, { epochs: warmupEpochs }) : chosen;
}
