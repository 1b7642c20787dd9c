import { basename } from "node:path";
import {
  defineSpec,
  initialState,
  layerPlan,
  profile,
  type RepVggSpec,
  RepvggError,
  type StateDict,
  sameShape,
} from "@repvgg/core";
import { isEncoded, type LabelledImages, type Preprocessing } from "@repvgg/data";
import { optimizerOptions } from "@repvgg/distill";
import type { Terminal } from "../terminal.ts";
import { checkImageSize, type DataSource, openData, partOf, preprocessingOf } from "./data-source.ts";
import { formText } from "./form-text.ts";
import { checkLoss, describeLoss } from "./loss-terms.ts";
import { loadModel, loadTrained, type TrainedModel } from "./model.ts";
import { grouped } from "./numbers.ts";
import { AVERAGE_TEACHER, type PlannedTeacher, planTeacher } from "./plan-teacher.ts";
import { growingSizeOf } from "./progressive-size.ts";
import type { Settings } from "./settings.ts";
import { checkCacheSettings, type PlannedCache, planCache } from "./teacher-cache/plan-cache.ts";
import { optimizerOf, scheduleOf } from "./training-parts.ts";
import { unusedSettings } from "./unused-settings.ts";

/** Everything that a training needs, read and checked against each other before anything is written. */
export interface TrainingPlan {
  readonly settings: Settings;
  readonly modelName: string;
  readonly spec: RepVggSpec;
  /** Of the network before its first step. */
  readonly state: StateDict;
  /** Entries that `--weights` did not fill, since its classes are others: the head's. */
  readonly newEntries: readonly string[];
  readonly preprocessing: Preprocessing;
  readonly source: DataSource;
  readonly training: LabelledImages;
  readonly validation: LabelledImages;
  readonly teacher?: PlannedTeacher;
  /** Where the teacher's answers are kept. */
  readonly cache?: PlannedCache;
  readonly params: number;
  readonly stepsPerEpoch: number;
}

/**
 * Opens what the settings name.
 *
 * @throws {RepvggError} `E_USAGE`: settings contradict the data; `E_DATA`, `E_CHECKPOINT`: a file cannot be used.
 */
export async function planTraining(settings: Settings, terminal: Terminal): Promise<TrainingPlan> {
  // What is wrong with them is said before anything is read.
  checkBetweenSettings(settings);
  for (const note of unusedSettings(settings)) terminal.note(note);
  const source = await openData(settings, { terminal });
  const training = partOf(source, "train", settings.limit);
  const validation = partOf(source, "val", settings.valLimit);
  checkAgainstData(settings, training);
  if (settings.progressive !== undefined && !isEncoded(training)) {
    throw new RepvggError(
      "E_USAGE",
      "--progressive is for images on disk: sets in memory are not resized. Leave it out.",
    );
  }
  const imageSize = growingSizeOf(settings)?.to ?? settings.imageSize;
  checkImageSize(imageSize, training);
  const numClasses = training.classes.length;

  const model = await loadModel(settings.model!, { imageSize, strides: settings.strides });
  const preprocessing = preprocessingOf(training, model.imageSize[0]);
  const { inputChannels } = preprocessing;
  const spec = defineSpec({ ...model.spec, numClasses, inputChannels });
  const fresh = initialState(spec, settings.seed);
  const start = settings.weights
    ? await startWeights(settings.weights, settings.emaWeights, spec, fresh)
    : { state: fresh, newEntries: [] };
  const teacher =
    settings.teacher === undefined
      ? undefined
      : await planTeacher({ ...settings, teacher: settings.teacher }, spec, preprocessing, source);
  const data = { settings, spec, preprocessing, training };
  const cache = settings.cacheTeacher !== undefined && teacher ? await planCache({ ...data, teacher }) : undefined;
  return {
    ...data,
    modelName: model.checkpoint ? basename(model.name).replace(/\.(safetensors|pth|pt)$/i, "") : model.name,
    ...start,
    source,
    validation,
    ...(teacher && { teacher }),
    ...(cache && { cache }),
    params: profile(layerPlan(spec, preprocessing.size), "train").params,
    stepsPerEpoch: Math.floor(training.length / settings.batchSize),
  };
}

/** @throws {RepvggError} `E_USAGE`: settings contradict each other. */
export function checkBetweenSettings(settings: Settings): void {
  const { warmupEpochs, epochs, ema, emaWarmup } = settings;
  const fail = (message: string): never => {
    throw new RepvggError("E_USAGE", message);
  };
  if (
    settings.emaWeights &&
    settings.weights === undefined &&
    [undefined, AVERAGE_TEACHER].includes(settings.teacher)
  ) {
    fail("--ema-weights is about checkpoints that are read, and there is none: give --weights, or leave it out.");
  }
  if (warmupEpochs >= epochs) {
    fail(`--warmup-epochs ${warmupEpochs} leaves nothing of ${epochs} epochs. Choose less.`);
  }
  if (emaWarmup && ema === undefined) fail("--ema-warmup is about an average that is not kept: give --ema 0.999, too.");
  growingSizeOf(settings);
  if (settings.teacher === AVERAGE_TEACHER && ema === undefined) {
    fail("--teacher ema is the average of the student's weights, which is not kept: give --ema 0.999, too.");
  }
  optimizerOptions(optimizerOf(settings));
  scheduleOf(settings);
  if (settings.teacher === undefined) return;
  checkLoss(settings);
  checkCacheSettings(settings);
}

function checkAgainstData({ batchSize, numClasses }: Settings, training: LabelledImages): void {
  const fail = (message: string): never => {
    throw new RepvggError("E_USAGE", message);
  };
  const { length, classes } = training;
  if (classes.length < 2) {
    const message = `The training images are all of one class, ${classes[0]}: there is nothing to tell apart. Add a second class.`;
    throw new RepvggError("E_DATA", message);
  }
  if (batchSize > length) {
    fail(`--batch-size ${batchSize} is larger than the training set of ${length} images. Choose ${length} or less.`);
  }
  if (numClasses !== undefined && numClasses !== classes.length) {
    fail(`--num-classes ${numClasses} does not fit the labels, which are of ${classes.length} classes. Leave it out.`);
  }
}

/**
 * The weights of a checkpoint; what depends on the number of classes, the head, stays as initialised where that differs.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: other weights than the network has, or fused ones.
 */
async function startWeights(
  path: string,
  emaWeights: boolean | undefined,
  spec: RepVggSpec,
  fresh: StateDict,
): Promise<Pick<TrainingPlan, "state" | "newEntries">> {
  const weights = await loadTrained(path, { emaWeights });
  if (weights.form !== "train") {
    const form = weights.form === "deploy" ? "in deploy form, which" : `${formText(weights.form)}, which`;
    throw new RepvggError(
      "E_CHECKPOINT",
      `${weights.name} is ${form} cannot be trained. Start from the train form that it was fused from.`,
    );
  }
  assertSameNetwork(weights, spec);
  const state: StateDict = new Map();
  const newEntries: string[] = [];
  for (const [name, array] of fresh) {
    const stored = weights.state.get(name)!;
    if (sameShape(stored.shape, array.shape)) {
      state.set(name, { shape: stored.shape, data: stored.data }); // Read now: the training may outlive the file.
    } else {
      state.set(name, array);
      newEntries.push(name);
    }
  }
  return { state, newEntries };
}

function assertSameNetwork({ name, spec: own }: TrainedModel, spec: RepVggSpec): void {
  for (const key of Object.keys(spec) as (keyof RepVggSpec)[]) {
    // A file of another program does not say the strides, and no weight depends on them; other classes get a new head.
    if (key === "strides" || key === "numClasses" || JSON.stringify(own[key]) === JSON.stringify(spec[key])) continue;
    throw new RepvggError(
      "E_CHECKPOINT",
      `The weights of ${name} do not fit: ${key} is ${JSON.stringify(own[key])}, the network has ` +
        `${JSON.stringify(spec[key])}. Give the --model that they are of.`,
    );
  }
}

/** The plan as `--dry-run` tells it. */
export function describePlan(plan: TrainingPlan, run: string): { value: object; text: string } {
  const { settings, spec, params, stepsPerEpoch, training, validation, preprocessing, teacher, cache, modelName } =
    plan;
  const value = {
    run,
    settings,
    model: { name: modelName, spec, params },
    imageSize: preprocessing.size,
    trainImages: training.length,
    valImages: validation.length,
    stepsPerEpoch,
    steps: Math.ceil(stepsPerEpoch / settings.accumulate) * settings.epochs,
    ...(teacher && { teacher: teacher.name }),
    ...(cache && { teacherCache: cache.folder }),
  };
  const { epochs, batchSize, accumulate, schedule, seed } = settings;
  const { kind = "sgd", ...optimizer } = optimizerOf(settings);
  const described = Object.entries(optimizer).map(([name, value]) => `${name} ${value}`);
  const text = [
    `run      ${run}`,
    `network  ${modelName}, ${grouped(params)} parameters in train form, ${spec.numClasses} classes`,
    `data     ${settings.data}: ${grouped(training.length)} training, ${grouped(validation.length)} validation images of ${preprocessing.size.join("x")}`,
    ...(teacher ? [`teacher  ${teacher.name}; loss ${describeLoss(settings)}`] : []),
    ...(cache ? [`answers  ${cache.folder}, ${cache.found ? "of this teacher and these images" : "new"}`] : []),
    `steps    ${epochs} epochs of ${stepsPerEpoch} batches, ${batchSize} images each, ${accumulate} a step; augmentation: ${settings.augment}`,
    `${kind.padEnd(8)} ${described.join(", ")}; schedule ${schedule}; seed ${seed}`,
  ];
  return { value, text: text.join("\n") };
}
