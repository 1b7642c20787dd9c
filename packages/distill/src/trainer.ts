import { type Network, RepvggError } from "@repvgg/core";
import type { BatchSource } from "./batch-source.ts";
import { bestEpoch } from "./best-epoch.ts";
import { checkFirstBatches, checkTrainerOptions } from "./check-training.ts";
import { EpochMeter } from "./epoch-meter.ts";
import { type EvaluationBatch, evaluate } from "./evaluate.ts";
import { nextTurn } from "./next-turn.ts";
import { isUpdateDone, spoiltWeightsError, stepReport, stepsOf } from "./step-report.ts";
import { checkProgress, initialProgress } from "./trainer-progress.ts";
import type {
  EpochRecord,
  EpochReport,
  SaveReason,
  Student,
  TrainerCallbacks,
  TrainerOptions,
  TrainerProgress,
  TrainerState,
  TrainingResult,
  ValidationBatch,
} from "./trainer-types.ts";
import { TrainingSteps } from "./training-steps.ts";

const secondsSince = (start: number) => (performance.now() - start) / 1000;

/**
 * Trains a network on any device: epochs, schedule, validation, progress, saving, resuming.
 *
 *     const trainer = new Trainer({ network, data, validation, epochs: 3 });
 *     const { best } = await trainer.run();
 */
export class Trainer {
  readonly #options: TrainerOptions;
  readonly #steps: TrainingSteps;
  readonly #callbacks: readonly TrainerCallbacks[];
  #network: Student;
  #data: BatchSource;
  #epoch: number;
  #batch: number;
  #meter: EpochMeter;
  readonly #history: EpochRecord[];
  #validationSeconds = 0;

  /** @throws {RepvggError} `E_USAGE`, `E_DATA`, `E_STATE`: an option is out of range, or things do not fit together. */
  constructor(options: TrainerOptions) {
    checkTrainerOptions(options);
    const { network, data, epochs, callbacks = [], resume } = options;
    this.#options = options;
    this.#steps = new TrainingSteps(options);
    this.#callbacks = "length" in callbacks ? callbacks : [callbacks];
    this.#network = network;
    this.#data = data;
    const progress = resume?.progress ?? initialProgress(epochs, data.batchesPerEpoch);
    checkProgress(progress, epochs, data.batchesPerEpoch);
    this.#epoch = progress.epoch;
    this.#batch = progress.batch;
    this.#meter = new EpochMeter(progress.running);
    this.#history = [...progress.history];
    this.#steps.learningRate(progress); // a schedule that is longer than the training says so here
  }

  /**
   * Trains to the end, from the beginning or from where the resumed training stood.
   *
   * @throws {RepvggError} `E_DIVERGED`: a loss was not finite; `E_ABORTED`: the signal stopped it, after saving.
   */
  async run(): Promise<TrainingResult> {
    const { validation, epochs, resume, evaluationNetwork } = this.#options;
    const start = performance.now();
    await checkFirstBatches(this.#data, evaluationNetwork ? undefined : validation, this.#network);
    if (resume && resume.optimizer.size > 0) await this.#network.importOptimizerState(resume.optimizer);
    if (resume?.average) await this.#network.importAverage(resume.average);
    if (resume?.objective) await this.#steps.objective.importState?.(resume.objective);

    if (!this.#isDone) await this.#stopIfAborted();
    while (!this.#isDone) {
      await this.#prepareEpoch();
      await this.#runBatches();
      await this.#finishEpoch();
    }
    const stoppedEarly = this.#epoch < epochs;
    return {
      history: [...this.#history],
      best: bestEpoch(this.#history),
      seconds: secondsSince(start),
      stoppedEarly,
    };
  }

  /** All that continues from here, bit for bit. Take it after a step: in a callback, or after {@link run}. */
  async state(): Promise<TrainerState> {
    const network = this.#network;
    const average = await network.exportAverage();
    const objective = await this.#steps.objective.exportState?.();
    return {
      progress: this.progress,
      network: await network.exportState(),
      optimizer: await network.exportOptimizerState(),
      ...(average && { average }),
      ...(objective && { objective }),
    };
  }

  /** Where the training stands. */
  get progress(): TrainerProgress {
    const { epochs } = this.#options;
    const { batchesPerEpoch } = this.#data;
    const [epoch, batch, running] = [this.#epoch, this.#batch, this.#meter.sums];
    return { version: 1, epoch, batch, epochs, batchesPerEpoch, running, history: [...this.#history] };
  }

  /** Whether all epochs are done, or as many in a row without a better one as `patience` allows. */
  get #isDone(): boolean {
    const { epochs, patience = Number.POSITIVE_INFINITY } = this.#options;
    if (this.#epoch === epochs) return true;
    return this.#batch === 0 && this.#epoch > 0 && this.#epoch - bestEpoch(this.#history).epoch >= patience;
  }

  /** Moves on to the network and the batches of the epoch that begins, or goes on. */
  async #prepareEpoch(): Promise<void> {
    const [before, { batchesPerEpoch }] = [this.#network, this.#data];
    const next = await this.#options.prepareEpoch?.(this.#epoch, before);
    if (!next) return;
    checkTrainerOptions({ ...this.#options, ...next });
    if (next.data.batchesPerEpoch !== batchesPerEpoch) {
      throw new RepvggError(
        "E_DATA",
        `Epoch ${this.#epoch + 1} has ${next.data.batchesPerEpoch} batches, those before it ${batchesPerEpoch}. Give all epochs as many.`,
      );
    }
    if (next.network !== before) {
      await next.network.importOptimizerState(await before.exportOptimizerState());
      const average = await before.exportAverage();
      if (average) await next.network.importAverage(average);
    }
    [this.#network, this.#data] = [next.network, next.data];
  }

  /** The batches that are left of the running epoch: none when it was interrupted between training and validation. */
  async #runBatches(): Promise<void> {
    const data = this.#data;
    if (this.#batch === data.batchesPerEpoch) return;
    let start = performance.now(); // loading counts
    for await (const batch of data.batches(this.#epoch, this.#batch)) {
      const waited = secondsSince(start);
      await this.#steps.take(this.#network, batch, this.progress, this.#meter);
      this.#batch++;
      this.#meter.addSeconds(secondsSince(start), waited);
      if (isUpdateDone(this.progress, this.#steps.accumulate)) await this.#afterStep();
      else await nextTurn();
      if (this.#batch === data.batchesPerEpoch) return;
      start = performance.now();
    }
    const counts = `announced ${data.batchesPerEpoch} batches and gave ${this.#batch}`;
    throw new RepvggError("E_DATA", `The loader of the training set ${counts}.`);
  }

  async #afterStep(): Promise<void> {
    const { saveEverySteps = Number.POSITIVE_INFINITY } = this.#options;
    const { progress } = this;
    const report = stepReport({
      progress,
      steps: stepsOf(progress, this.#steps.accumulate),
      figures: this.#steps.figures,
      soFar: this.#meter.record(this.#epoch + 1),
      validationSeconds: this.#validationSeconds,
    });
    for (const { onStep } of this.#callbacks) await onStep?.(report);
    await nextTurn();
    await this.#stopIfAborted();
    if (report.step % saveEverySteps === 0 && this.#batch < this.#data.batchesPerEpoch) await this.#save("steps");
  }

  /** Validates, then tells and saves; only then does the next epoch begin. */
  async #finishEpoch(): Promise<void> {
    const { epochs } = this.#options;
    const epoch = this.#epoch + 1;
    const train = this.#meter.record(epoch);
    const { validation, average } = await this.#validate(epoch, train.lr);
    this.#history.push(train, ...(validation ? [validation] : []), ...(average ? [average] : []));
    this.#epoch = epoch;
    this.#batch = 0;
    this.#meter = new EpochMeter();

    const isBest = bestEpoch(this.#history).epoch === epoch;
    const better = average && average.top1 > validation!.top1 ? "ema" : "network";
    const records = { train, ...(validation && { validation }), ...(average && { average }) };
    const report: EpochReport = { epoch, epochs, ...records, isBest, better };
    for (const { onEpoch } of this.#callbacks) await onEpoch?.(report);
    await this.#save("epoch", report);
    if (!this.#isDone) await this.#stopIfAborted({ saved: true });
  }

  async #validate(epoch: number, lr: number): Promise<{ validation?: EpochRecord; average?: EpochRecord }> {
    const { validation, ema } = this.#options;
    if (!validation) return {};
    const start = performance.now();
    const own = await this.#evaluate(validation, { epoch, split: "val", lr });
    // Where every step of the training so far was skipped, there is no average.
    const average = ema && (await this.#network.exportAverage());
    const averaged = average && (await this.#evaluate(validation, { epoch, split: "ema", lr }));
    this.#validationSeconds = secondsSince(start);
    return { validation: own, ...(averaged && { average: averaged }) };
  }

  async #evaluate(
    validation: BatchSource,
    record: Pick<ValidationBatch, "epoch" | "split"> & { lr: number },
  ): Promise<EpochRecord> {
    const { signal } = this.#options;
    const { epoch, split } = record;
    const onBatch = async (report: EvaluationBatch) => {
      for (const { onValidationBatch } of this.#callbacks) await onValidationBatch?.({ epoch, split, ...report });
    };
    const { network, dispose } = await this.#evaluated(split === "ema");
    try {
      const options = { onBatch, ...(signal && { signal }) };
      const { loss, top1, top5, images, seconds } = await evaluate(network, validation, options);
      return { ...record, loss, top1, top5, imagesPerSecond: images / seconds, seconds };
    } catch (error) {
      await this.#stopIfAborted(); // all steps of the epoch are done: resuming begins with this validation
      throw error;
    } finally {
      dispose();
    }
  }

  /** What answers in a validation: the network, or its average; itself, or one made of its state. */
  async #evaluated(average: boolean): Promise<{ network: Pick<Network, "spec" | "predict">; dispose(): void }> {
    const { evaluationNetwork } = this.#options;
    const trained = this.#network;
    if (evaluationNetwork) {
      const network = await evaluationNetwork(average ? (await trained.exportAverage())! : await trained.exportState());
      return { network, dispose: () => network.dispose() };
    }
    const averaged: Pick<Network, "spec" | "predict"> = {
      spec: trained.spec,
      predict: (images) => trained.predictAverage(images),
    };
    return { network: average ? averaged : trained, dispose() {} };
  }

  async #stopIfAborted({ saved = false } = {}): Promise<void> {
    const { signal, save } = this.#options;
    if (!signal?.aborted) return;
    if (!saved) await this.#save("abort");
    const { step, totalSteps } = stepsOf(this.progress, this.#steps.accumulate);
    const kept = save ? "Its state is saved: it can be resumed." : "Its state is lost: no `save` was given.";
    throw new RepvggError("E_ABORTED", `The training was stopped after step ${step} of ${totalSteps}. ${kept}`);
  }

  /** @throws {RepvggError} `E_DIVERGED`: the weights are not finite; a good state that was saved before stays the last one. */
  async #save(reason: SaveReason, report?: EpochReport): Promise<void> {
    const { save } = this.#options;
    if (!save) return;
    const state = await this.state();
    for (const [name, { data }] of state.network) {
      if (data.every(Number.isFinite)) continue;
      throw spoiltWeightsError(name, stepsOf(this.progress, this.#steps.accumulate), this.progress);
    }
    await save(state, { reason, ...(report && { report }) });
  }
}
