import type { StateDict } from "@repvgg/core";
import type { Preprocessing } from "@repvgg/data";
import type { BatchSource, EpochRecord, EpochReport, StepReport } from "@repvgg/distill";
import { type EventFacts, EventWriter, type SummaryValue, trimEventFiles } from "@repvgg/report/node";
import { thumbnailOf } from "./thumbnails.ts";

/** Steps that are written of a training of any length. */
const MOST_STEPS = 10_000;
/** Epochs whose weights are written as histograms. */
const MOST_HISTOGRAMS = 50;
const SAMPLES = 8;
/** What TensorBoard shows is no older than this. */
const FLUSH_MS = 10_000;
const STEP_PREFIX = "step/";

/** Where a run stands: how many steps its saved state has done, and whether the epoch that they end has been validated. */
export interface RunPosition {
  readonly step: number;
  readonly epochDone: boolean;
}

/** How long a run is. */
interface RunLength {
  readonly epochs: number;
  readonly stepsPerEpoch: number;
}

/**
 * The TensorBoard event files of a run: scalars of steps and epochs, the first training images, histograms of the weights.
 *
 * Flush before each state is saved: then a run that continues from it has every step once.
 */
export class RunEvents {
  readonly #writer: EventWriter;
  readonly #every: number;
  readonly #histogramsEvery: number;
  readonly #length: RunLength;
  #flushed = performance.now();

  private constructor(writer: EventWriter, length: RunLength) {
    this.#writer = writer;
    this.#length = length;
    this.#every = Math.ceil((length.epochs * length.stepsPerEpoch) / MOST_STEPS);
    this.#histogramsEvery = Math.ceil(length.epochs / MOST_HISTOGRAMS);
  }

  /** @param position Of the state that the run continues from; what was written after it is removed, and written again. */
  static async open(folder: string, length: RunLength, position: RunPosition | undefined): Promise<RunEvents> {
    await trimEventFiles(folder, (event) => position !== undefined && isBefore(event, position));
    return new RunEvents(await EventWriter.open(folder), length);
  }

  /** The first images as the network is given them, augmented. */
  async samples(data: BatchSource, preprocessing: Preprocessing): Promise<void> {
    for await (const { images } of data.batches(0)) {
      const values = Array.from({ length: Math.min(SAMPLES, images.shape[0]) }, (_, row) => ({
        tag: `samples/${row}`,
        image: thumbnailOf(images, row, preprocessing),
      }));
      this.#writer.add(values, 0);
      return;
    }
  }

  async step({ step, totalSteps, loss, learningRate, imagesPerSecond, gradientNorm }: StepReport): Promise<void> {
    if (step % this.#every !== 0 && step !== totalSteps) return;
    const scalars = { loss, learningRate, imagesPerSecond, gradientNorm };
    this.#writer.add(
      Object.entries(scalars).flatMap(([name, scalar]) =>
        scalar === undefined ? [] : [{ tag: STEP_PREFIX + name, scalar }],
      ),
      step,
    );
    if (performance.now() - this.#flushed > FLUSH_MS) await this.flush();
  }

  epoch({ epoch, train, validation, average }: EpochReport): void {
    const records = [train, validation, average].filter((record) => record !== undefined);
    const values = records.flatMap(({ split, loss, top1, top5 }) =>
      Object.entries({ loss, top1, top5 }).map(([name, scalar]) => ({ tag: `${name}/${split}`, scalar })),
    );
    this.#writer.add([...values, ...figuresOf(train)], epoch * this.#length.stepsPerEpoch);
  }

  /** Distributions of the kernels and of the scales of the batch normalizations. */
  weights(epoch: number, state: StateDict): void {
    if (epoch % this.#histogramsEvery !== 0 && epoch !== this.#length.epochs) return;
    const values = [...state]
      .filter(([name]) => name.endsWith("weight"))
      .map(([name, { data }]) => ({ tag: `weights/${name}`, histogram: data }));
    this.#writer.add(values, epoch * this.#length.stepsPerEpoch);
  }

  /** @throws {RepvggError} `E_CHECKPOINT`: the disk is full, the folder is gone, … */
  async flush(): Promise<void> {
    await this.#writer.flush();
    this.#flushed = performance.now();
  }
}

/** Of the step that a state was saved at, what tells of its whole epoch was written before it only if the epoch was done. */
function isBefore({ step, tags }: EventFacts, { step: saved, epochDone }: RunPosition): boolean {
  if (step !== saved) return step < saved;
  return epochDone || tags.every((tag) => tag.startsWith(STEP_PREFIX));
}

/** What the objective told of an epoch: shares of the gradient, losses of the terms. */
function figuresOf({ figures = {} }: EpochRecord): SummaryValue[] {
  return Object.entries(figures).map(([name, scalar]) => ({ tag: `objective/${name}`, scalar }));
}
