import type { Device } from "@repvgg/backend";
import { RepvggError, type StateDict } from "@repvgg/core";
import type { Preprocessing } from "@repvgg/data";
import {
  ADAMW_DEFAULTS,
  constantSchedule,
  cosineSchedule,
  multiStepSchedule,
  type OptimizerOptions,
  oneCycleSchedule,
  polynomialSchedule,
  type Schedule,
  SGD_DEFAULTS,
  stepSchedule,
  type TrainerOptions,
  withWarmup,
} from "@repvgg/distill";
import type { Terminal } from "../terminal.ts";
import { inputOf, stepsOf } from "./augmentation.ts";
import { everyImage, type Loading, type OpenSource, openSource } from "./batch-sources.ts";
import type { Settings } from "./settings.ts";
import type { TrainingPlan } from "./training-plan.ts";

const VALIDATION_PIXELS = 256 * 64 ** 2;
const LARGEST_VALIDATION_BATCH = 256;

/** The loaders of a training: shuffled, augmented, whole batches only; and every validation image once, in order. */
export async function trainingSources(
  plan: TrainingPlan,
  terminal: Pick<Terminal, "note">,
  trainingPreprocessing = plan.preprocessing,
): Promise<{ data: OpenSource; validation: OpenSource }> {
  const { settings, validation, preprocessing } = plan;
  const [height, width] = preprocessing.size;
  const validationBatch = Math.ceil(Math.min(LARGEST_VALIDATION_BATCH, VALIDATION_PIXELS / (height * width)));
  return {
    data: await trainingSource(plan, trainingPreprocessing, terminal),
    validation: everyImage(validation, preprocessing, validationBatch, loadingOf(settings, terminal)),
  };
}

/** The loader of the training images: shuffled, augmented, whole batches only. */
export async function trainingSource(
  { settings, training }: TrainingPlan,
  preprocessing: Preprocessing,
  terminal: Pick<Terminal, "note">,
): Promise<OpenSource> {
  const { batchSize, seed, mixup, cutmix } = settings;
  return openSource(training, preprocessing, loadingOf(settings, terminal), {
    batchSize,
    seed,
    shuffle: true,
    dropLast: true,
    mix: { mixup, cutmix },
    reuseMemory: true, // A step is done with its batch when the next one is taken.
    steps: stepsOf(settings, preprocessing),
    ...(await inputOf(settings, training, preprocessing)),
  });
}

export function loadingOf(
  { workers, cache, onBadImage }: Omit<Loading, "report">,
  terminal: Pick<Terminal, "note">,
): Loading {
  return { workers, cache, onBadImage, report: (message) => terminal.note(message) };
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
      return stepSchedule({ epochs: settings.stepEpochs, gamma: settings.gamma });
    case "multi-step":
      return multiStepSchedule({ epochs: milestonesOf(settings), gamma: settings.gamma });
    case "polynomial":
      return polynomialSchedule();
    case "one-cycle":
      return oneCycleSchedule();
    case "constant":
      return constantSchedule();
  }
}

/** @throws {RepvggError} `E_USAGE`: none, no numbers, not rising, or none of them within the training. */
function milestonesOf({ milestones, epochs }: Settings): number[] {
  const wrong = (why: string) => new RepvggError("E_USAGE", `--milestones ${why}, as in 30,60,80.`);
  if (milestones === undefined) throw wrong("is missing: with --schedule multi-step it names the epochs of the drops");
  const numbers = milestones.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const rise = numbers.every((epoch, i) => epoch > (numbers[i - 1] ?? 0));
  if (!rise) throw wrong(`must be positive numbers that rise, got "${milestones}"`);
  const late = numbers.find((epoch) => epoch >= epochs);
  if (late !== undefined) throw wrong(`has ${late}, which never comes: there are ${epochs} epochs. Give smaller ones`);
  return numbers;
}

/** The network that learns, for images of that size. */
export function trainableNetwork(
  device: Device,
  { spec, settings }: TrainingPlan,
  state: StateDict,
  imageSize: Preprocessing["size"],
): Promise<TrainerOptions["network"]> {
  const { batchSize, freeze, checkpointing } = settings;
  const frozen = freeze?.split(",").map((name) => name.trim()) ?? [];
  return device.createTrainableNetwork({ spec, state, imageSize, batchSize, freeze: frozen, checkpointing });
}
