import { RepvggError } from "@repvgg/core";
import type { Batch } from "./batch-source.ts";
import { bestEpoch } from "./best-epoch.ts";
import { checkBatch, checkBatchSize, checkFirstBatches, checkSource } from "./check-training.ts";
import { EpochMeter } from "./epoch-meter.ts";
import { type EvaluationBatch, evaluate } from "./evaluate.ts";
import { nextTurn } from "./next-turn.ts";
import type { Objective, TrainingPosition } from "./objective.ts";
import { crossEntropyObjective } from "./objectives.ts";
import { cosineSchedule, type Schedule } from "./schedules.ts";
import { type SgdOptions, sgdOptions } from "./sgd-options.ts";
import { divergedError, stepReport, stepsOf } from "./step-report.ts";
import { checkProgress, initialProgress } from "./trainer-progress.ts";
import type {
  EpochRecord,
  EpochReport,
  SaveReason,
  TrainerCallbacks,
  TrainerOptions,
  TrainerProgress,
  TrainerState,
  TrainingResult,
} from "./trainer-types.ts";

const secondsSince = (start: number) => (performance.now() - start) / 1000;

/**
 * Trains a network on any device: epochs, schedule, validation, progress, saving, resuming.
 *
 *     const trainer = new Trainer({ network, data, validation, epochs: 3 });
 *     const { best } = await trainer.run();
 */
export class Trainer {
  readonly #options: TrainerOptions;
  readonly #objective: Objective;
  readonly #sgd: Required<SgdOptions>;
  readonly #schedule: Schedule;
  readonly #callbacks: readonly TrainerCallbacks[];
  #epoch: number;
  #batch: number;
  #meter: EpochMeter;
  readonly #history: EpochRecord[];
  #validationSeconds = 0;

  /** @throws {RepvggError} `E_USAGE`, `E_DATA`, `E_STATE`: an option is out of range, or things do not fit together. */
  constructor(options: TrainerOptions) {
    const { network, data, validation, epochs, callbacks = [], saveEverySteps = 1 } = options;
    const checkCount = (name: string, value: number) => {
      if (Number.isInteger(value) && value >= 1) return;
      throw new RepvggError("E_USAGE", `${name} must be a whole number, 1 or more, got ${value}.`);
    };
    checkCount("epochs", epochs);
    checkCount("saveEverySteps", saveEverySteps);
    if (network.form !== "train") {
      throw new RepvggError(
        "E_USAGE",
        "A network in deploy form cannot be trained. Train its train form, then fuse it.",
      );
    }
    checkSource(data, network.spec, "training set");
    checkBatchSize(data, network.batchSize);
    if (validation) checkSource(validation, network.spec, "validation set");

    this.#options = options;
    this.#objective = options.objective ?? crossEntropyObjective();
    this.#sgd = sgdOptions(options.sgd);
    this.#schedule = options.schedule ?? cosineSchedule();
    this.#callbacks = "length" in callbacks ? callbacks : [callbacks];
    const progress = options.resume?.progress ?? initialProgress(epochs, data.batchesPerEpoch);
    checkProgress(progress, epochs, data.batchesPerEpoch);
    this.#epoch = progress.epoch;
    this.#batch = progress.batch;
    this.#meter = new EpochMeter(progress.running);
    this.#history = [...progress.history];
    this.#learningRate(); // a schedule that is longer than the training says so here
  }

  /**
   * Trains to the end, from the beginning or from where the resumed training stood.
   *
   * @throws {RepvggError} `E_DIVERGED`: a loss was not finite; `E_ABORTED`: the signal stopped it, after saving.
   */
  async run(): Promise<TrainingResult> {
    const { network, data, validation, epochs, resume } = this.#options;
    const start = performance.now();
    await checkFirstBatches(data, validation, network);
    if (resume && resume.optimizer.size > 0) await network.importOptimizerState(resume.optimizer);
    if (resume?.objective) await this.#objective.importState?.(resume.objective);

    if (this.#epoch < epochs) await this.#stopIfAborted();
    while (this.#epoch < epochs) {
      await this.#runBatches();
      await this.#finishEpoch();
    }
    return { history: [...this.#history], best: bestEpoch(this.#history), seconds: secondsSince(start) };
  }

  /** All that continues from here, bit for bit. Take it between steps: in a callback, or after {@link run}. */
  async state(): Promise<TrainerState> {
    const { network } = this.#options;
    const optimizer = await network.exportOptimizerState();
    const objective = await this.#objective.exportState?.();
    return {
      progress: this.progress,
      network: await network.exportState(),
      optimizer,
      ...(objective && { objective }),
    };
  }

  /** Where the training stands. */
  get progress(): TrainerProgress {
    const { epochs, data } = this.#options;
    const { batchesPerEpoch } = data;
    const [epoch, batch, running] = [this.#epoch, this.#batch, this.#meter.sums];
    return { version: 1, epoch, batch, epochs, batchesPerEpoch, running, history: [...this.#history] };
  }

  /** The batches that are left of the running epoch: none when it was interrupted between training and validation. */
  async #runBatches(): Promise<void> {
    const { data } = this.#options;
    if (this.#batch === data.batchesPerEpoch) return;
    let start = performance.now(); // loading counts
    for await (const batch of data.batches(this.#epoch, this.#batch)) {
      const loss = await this.#step(batch);
      this.#meter.addSeconds(secondsSince(start));
      await this.#afterStep(loss);
      if (this.#batch === data.batchesPerEpoch) return;
      start = performance.now();
    }
    const counts = `announced ${data.batchesPerEpoch} batches and gave ${this.#batch}`;
    throw new RepvggError("E_DATA", `The loader of the training set ${counts}.`);
  }

  async #step(batch: Batch): Promise<number> {
    const { network } = this.#options;
    checkBatch(batch, network.spec, "training set");
    const sgd = { ...this.#sgd, learningRate: this.#learningRate() };
    const lossOfBatch = await this.#objective(batch, this.#position);
    const { loss, logits } = await network.trainStep(batch.images, lossOfBatch, sgd);
    const applied = Number.isFinite(loss);
    const figures = await this.#objective.afterStep?.({ learningRate: sgd.learningRate, applied });
    if (!applied) throw divergedError(this.progress, loss, sgd.learningRate);
    this.#meter.add(loss, logits, batch.labels, sgd.learningRate, figures);
    this.#batch++;
    return loss;
  }

  async #afterStep(loss: number): Promise<void> {
    const { data, saveEverySteps = Number.POSITIVE_INFINITY } = this.#options;
    const report = stepReport(this.progress, loss, this.#meter.record(this.#epoch + 1), this.#validationSeconds);
    for (const { onStep } of this.#callbacks) await onStep?.(report);
    await nextTurn();
    await this.#stopIfAborted();
    if (report.step % saveEverySteps === 0 && this.#batch < data.batchesPerEpoch) await this.#save("steps");
  }

  /** Validates, then tells and saves; only then does the next epoch begin. */
  async #finishEpoch(): Promise<void> {
    const { epochs } = this.#options;
    const epoch = this.#epoch + 1;
    const train = this.#meter.record(epoch);
    const validation = await this.#validate(epoch, train.lr);
    this.#history.push(train, ...(validation ? [validation] : []));
    this.#epoch = epoch;
    this.#batch = 0;
    this.#meter = new EpochMeter();

    const isBest = bestEpoch(this.#history).epoch === epoch;
    const report: EpochReport = { epoch, epochs, train, ...(validation && { validation }), isBest };
    for (const { onEpoch } of this.#callbacks) await onEpoch?.(report);
    await this.#save("epoch", report);
    if (epoch < epochs) await this.#stopIfAborted({ saved: true });
  }

  async #validate(epoch: number, lr: number): Promise<EpochRecord | undefined> {
    const { network, validation, signal } = this.#options;
    if (!validation) return undefined;
    try {
      const onBatch = async (report: EvaluationBatch) => {
        for (const { onValidationBatch } of this.#callbacks) await onValidationBatch?.({ epoch, ...report });
      };
      const options = { onBatch, ...(signal && { signal }) };
      const { loss, top1, top5, images, seconds } = await evaluate(network, validation, options);
      this.#validationSeconds = seconds;
      return { epoch, split: "val", loss, top1, top5, lr, imagesPerSecond: images / seconds, seconds };
    } catch (error) {
      await this.#stopIfAborted(); // all steps of the epoch are done: resuming begins with this validation
      throw error;
    }
  }

  async #stopIfAborted({ saved = false } = {}): Promise<void> {
    const { signal, save } = this.#options;
    if (!signal?.aborted) return;
    if (!saved) await this.#save("abort");
    const { step, totalSteps } = stepsOf(this.progress);
    const kept = save ? "Its state is saved: it can be resumed." : "Its state is lost: no `save` was given.";
    throw new RepvggError("E_ABORTED", `The training was stopped after step ${step} of ${totalSteps}. ${kept}`);
  }

  async #save(reason: SaveReason, report?: EpochReport): Promise<void> {
    const { save } = this.#options;
    if (save) await save(await this.state(), { reason, ...(report && { report }) });
  }

  /** Of the step that comes next. */
  get #position(): TrainingPosition {
    return { ...stepsOf(this.progress), stepsPerEpoch: this.#options.data.batchesPerEpoch, epoch: this.#epoch };
  }

  #learningRate(): number {
    const { step, ...length } = this.#position;
    return this.#sgd.learningRate * this.#schedule(step, length);
  }
}
