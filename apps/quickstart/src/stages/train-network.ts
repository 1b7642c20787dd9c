import type { Device } from "@repvgg/backend";
import { initialState, type StateDict } from "@repvgg/core";
import { type EpochRecord, type Objective, Trainer, type TrainerState, type TrainingResult } from "@repvgg/distill";
import type { TrainingRecord } from "../result.ts";
import type { Recipe, Settings } from "../settings.ts";
import { CurveRecorder, type CurveState } from "./curve-recorder.ts";
import { type Mnist, plainBatches, trainingBatches } from "./mnist.ts";

/** Points of a curve: as many as a chart of half the page's width can show. */
const CURVE_POINTS = 120;

/** A training that was stopped, as it is kept. */
export interface UnfinishedTraining {
  readonly trainer: TrainerState;
  readonly curve: CurveState;
}

export interface TrainingJob {
  readonly name: TrainingRecord["name"];
  readonly seed: number;
  readonly recipe: Recipe;
  readonly settings: Settings;
  readonly data: Mnist;
  readonly device: Device;
  readonly objective: Objective;
  readonly signal: AbortSignal;
  /** Continues from there. */
  readonly resume?: UnfinishedTraining | undefined;
  save(state: UnfinishedTraining): Promise<void>;
  /** @param fraction Done, of this training. */
  onProgress(fraction: number, note: string): void;
}

/**
 * Trains one network and tests it after each epoch.
 *
 * @throws {RepvggError} `E_ABORTED`: the signal stopped it, after saving; what the Trainer throws.
 */
export async function trainNetwork(job: TrainingJob): Promise<{ record: TrainingRecord; state: StateDict }> {
  const { name, seed, recipe, settings, data, device, objective, signal, resume } = job;
  const { batchSize, learningRate, momentum, weightDecay } = settings;
  const network = await device.createTrainableNetwork({
    spec: recipe.spec,
    state: resume?.trainer.network ?? initialState(recipe.spec, seed),
    imageSize: data.train.size,
    batchSize,
  });
  try {
    const curve = new CurveRecorder(batchSize, CURVE_POINTS, resume?.curve);
    const trainer = new Trainer({
      network,
      data: trainingBatches(data.train, recipe, batchSize, seed),
      validation: plainBatches(data.test, batchSize),
      objective,
      epochs: recipe.epochs,
      optimizer: { learningRate, momentum, weightDecay },
      signal,
      ...(resume && { resume: resume.trainer }),
      save: (state) => job.save({ trainer: state, curve: curve.state }),
      callbacks: {
        onStep(report) {
          curve.add(report);
          const note = `epoch ${report.epoch}/${report.epochs}  loss ${report.averageLoss.toFixed(3)}  ${Math.round(report.imagesPerSecond)} images/s`;
          job.onProgress(report.step / report.totalSteps, note);
        },
      },
    });
    const result = await trainer.run();
    const { points } = curve.state;
    return {
      record: recordOf(name, seed, recipe, result, points, data.test.length),
      state: await network.exportState(),
    };
  } finally {
    network.dispose();
  }
}

function recordOf(
  name: TrainingRecord["name"],
  seed: number,
  recipe: Recipe,
  { history }: TrainingResult,
  curve: TrainingRecord["curve"],
  testImages: number,
): TrainingRecord {
  const totalSteps = curve.at(-1)!.step;
  const tests = history.filter(({ split }) => split === "val");
  const point = ({ epoch, loss, top1 }: EpochRecord) => ({
    step: (totalSteps * epoch) / recipe.epochs,
    testLoss: loss,
    testError: 1 - top1,
  });
  return {
    name,
    seed,
    totalSteps,
    epochs: recipe.epochs,
    trainingImages: recipe.images,
    errors: Math.round((1 - tests.at(-1)!.top1) * testImages),
    seconds: history.reduce((sum, { seconds }) => sum + seconds, 0),
    curve,
    tests: tests.map(point),
  };
}
