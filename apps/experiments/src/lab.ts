import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Device } from "@repvgg/backend";
import { loadCheckpoint, saveCheckpoint } from "@repvgg/checkpoint/node";
import { fuseState, initialState, type Logits, layerPlan, profile, RepvggError, type StateDict } from "@repvgg/core";
import {
  BatchLoader,
  compose,
  type ImageDataset,
  MNIST_CLASSES,
  MNIST_PREPROCESSING,
  preprocess,
  Subset,
  shift,
} from "@repvgg/data";
import { makeFolder } from "@repvgg/data/node";
import { cachedTeacher, crossEntropyObjective, evaluate, kdObjective, type Objective, Trainer } from "@repvgg/distill";
import type { Answers } from "./experiment.ts";
import { COMMON, type ImageChoice, type Training } from "./training.ts";
import type { WorkLog } from "./work-log.ts";

const EVALUATION_BATCH = 250;

export interface LabOptions {
  readonly device: Device;
  readonly data: { readonly train: ImageDataset; readonly test: ImageDataset };
  /** Finished trainings are kept there, and not done again. */
  readonly folder: string;
  readonly log: WorkLog;
  readonly signal: AbortSignal;
}

/** Trains what experiments ask for, each training once, and remembers the answers to the test images. */
export class Lab implements Answers {
  readonly labels: Int32Array;
  readonly #options: LabOptions;
  readonly #logits = new Map<string, Logits>();
  readonly #taught = new Map<string, Logits>();

  constructor(options: LabOptions) {
    const { test } = options.data;
    this.#options = options;
    this.labels = Int32Array.from({ length: test.length }, (_, i) => test.label(i));
  }

  /** @throws {RepvggError} `E_STATE`: it was not trained. */
  of(training: Training): Logits {
    const logits = this.#logits.get(keyOf(training));
    if (logits) return logits;
    throw new RepvggError("E_STATE", `"${training.title}" was not trained.`);
  }

  /**
   * Does a training, or reads its network where it was done before.
   *
   * @throws {RepvggError} `E_ABORTED`: the signal stopped it.
   */
  async train(training: Training): Promise<void> {
    const key = keyOf(training);
    if (this.#logits.has(key)) return;
    const { data, log } = this.#options;
    const known = await this.#read(training);
    if (known) log.skip(workOf(training, data.train));
    const state = known ?? (await this.#run(training));
    this.#logits.set(key, await this.#ask(training, state, data.test));
  }

  async #run(training: Training): Promise<StateDict> {
    const { device, data, log, signal } = this.#options;
    const { spec, seed, epochs, learningRate, title } = training;
    const dataset = chosen(data.train, training.images);
    const objective = await this.#objective(training, dataset);
    const { batchSize, ...sgd } = COMMON;
    const imageSize = data.train.size;
    const network = await device.createTrainableNetwork({
      spec,
      state: initialState(spec, seed),
      imageSize,
      batchSize,
    });
    const stage = log.begin(title, workOf(training, data.train));
    try {
      const trainer = new Trainer({
        network,
        data: batches(dataset, training),
        objective,
        epochs,
        optimizer: { learningRate, ...sgd },
        signal,
        callbacks: { onStep: ({ step, totalSteps }) => stage.update(step / totalSteps) },
      });
      await trainer.run();
      stage.end();
      const state = await network.exportState();
      await this.#write(training, state);
      return state;
    } finally {
      network.dispose();
    }
  }

  /** The teacher is asked once about every image: what a student learns from is not augmented. */
  async #objective({ soft, images }: Training, dataset: ImageDataset): Promise<Objective> {
    if (!soft) return crossEntropyObjective();
    const { teacher, temperature, alpha } = soft;
    const key = `${keyOf(teacher)} ${JSON.stringify(images)}`;
    const logits = this.#taught.get(key) ?? (await this.#teach(teacher, dataset));
    this.#taught.set(key, logits);
    return kdObjective({ teacher: cachedTeacher(logits), temperature, alpha });
  }

  async #teach(teacher: Training, dataset: ImageDataset): Promise<Logits> {
    await this.train(teacher);
    return this.#ask(teacher, (await this.#read(teacher))!, dataset);
  }

  async #ask({ spec }: Training, state: StateDict, dataset: ImageDataset): Promise<Logits> {
    const { device, signal } = this.#options;
    const network = await device.createNetwork({
      spec,
      state: fuseState(spec, state),
      form: "deploy",
      imageSize: dataset.size,
      batchSize: EVALUATION_BATCH,
    });
    try {
      const transform = preprocess(MNIST_PREPROCESSING);
      const source = new BatchLoader({ dataset, batchSize: EVALUATION_BATCH, transform });
      return (await evaluate(network, source, { keepLogits: true, signal })).logits!;
    } finally {
      network.dispose();
    }
  }

  #file(training: Training): string {
    return join(this.#options.folder, `${keyOf(training)}.safetensors`);
  }

  async #read(training: Training): Promise<StateDict | undefined> {
    try {
      return (await loadCheckpoint(this.#file(training))).state;
    } catch (error) {
      if (error instanceof RepvggError) return undefined; // Not there, or not whole: it is done again.
      throw error;
    }
  }

  async #write(training: Training, state: StateDict): Promise<void> {
    await makeFolder(this.#options.folder);
    await saveCheckpoint(this.#file(training), {
      spec: training.spec,
      form: "train",
      state,
      classes: [...MNIST_CLASSES],
      preprocessing: MNIST_PREPROCESSING,
    });
  }
}

/** Multiplications of a training, about proportional to its seconds: a step costs three times a forward pass. */
export function workOf({ spec, images, epochs }: Training, { size }: Pick<ImageDataset, "size">): number {
  const perImage = 3 * profile(layerPlan(spec, size), "train").macs + 1e6; // loading, loss, calls
  return epochs * images.first * perImage;
}

/** Two trainings with one key are the same; their titles do not matter. */
function keyOf(training: Training): string {
  const text = JSON.stringify({ ...COMMON, training }, (name, value) => (name === "title" ? undefined : value));
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function chosen(dataset: ImageDataset, { first, without }: ImageChoice): ImageDataset {
  const indices = Array.from({ length: Math.min(first, dataset.length) }, (_, i) => i);
  return new Subset(
    dataset,
    indices.filter((i) => dataset.label(i) !== without),
  );
}

function batches(dataset: ImageDataset, { seed, shiftPixels = 0 }: Training): BatchLoader {
  const transforms = [...(shiftPixels > 0 ? [shift({ maxPixels: shiftPixels })] : []), preprocess(MNIST_PREPROCESSING)];
  const transform = compose(...transforms);
  return new BatchLoader({ dataset, batchSize: COMMON.batchSize, shuffle: true, dropLast: true, seed, transform });
}
