import type { Device } from "@repvgg/backend";
import { writeFileAtomically } from "@repvgg/checkpoint/node";
import {
  type BatchSource,
  type EpochReport,
  type StepReport,
  stepsOf,
  type TrainerCallbacks,
  type TrainerState,
} from "@repvgg/distill";
import { runFiles } from "../run/run-folder.ts";
import type { TrainingPlan } from "../run/training-plan.ts";
import { RunEvents, type RunPosition } from "./run-events.ts";
import { type RunStatus, writeStatus } from "./run-status.ts";
import { ValidationCollector } from "./validation-details.ts";
import { writeRunReport } from "./write-run-report.ts";

/** The report is written no more often, and takes no more than this share of the time. */
const REPORT_INTERVAL_MS = 5000;
const REPORT_SHARE = 0.05;

/** What is to be watched. */
export interface Watched {
  readonly folder: string;
  readonly plan: TrainingPlan;
  readonly device: Pick<Device, "name" | "threads">;
  readonly data: BatchSource;
  /** Of the run that is continued. */
  readonly state: Pick<TrainerState, "progress"> | undefined;
}

/**
 * Writes what one looks at while a training runs and afterwards: event files, `validation.json`, `status.json`, `report.html`.
 *
 *     const watch = await RunWatch.start({ folder, plan, device, data, state });
 *     await watch.during(() => trainer.run());
 */
export class RunWatch {
  readonly #watched: Watched;
  readonly #events: RunEvents;
  #collectors: Partial<Record<"val" | "ema", ValidationCollector>> = {};
  #status: RunStatus;
  #nextReport = performance.now() + REPORT_INTERVAL_MS;

  private constructor(watched: Watched, events: RunEvents, status: RunStatus) {
    this.#watched = watched;
    this.#events = events;
    this.#status = status;
  }

  static async start(watched: Watched): Promise<RunWatch> {
    const { folder, plan, device, data, state } = watched;
    const { epochs, accumulate } = plan.settings;
    const stepsPerEpoch = Math.ceil(plan.stepsPerEpoch / accumulate);
    const step = state ? stepsOf(state.progress, accumulate).step : 0;
    const position: RunPosition | undefined = state && { step, epochDone: state.progress.batch === 0 };
    const events = await RunEvents.open(folder, { epochs, stepsPerEpoch }, position);
    if (step === 0) await events.samples(data, plan.preprocessing);
    return new RunWatch(watched, events, {
      state: "running",
      step,
      totalSteps: epochs * stepsPerEpoch,
      epoch: state?.progress.epoch ?? 0,
      epochs,
      device: device.name,
      threads: device.threads,
      updatedAt: new Date().toISOString(),
    });
  }

  readonly callbacks: TrainerCallbacks = {
    onStep: (report) => this.#afterStep(report),
    onValidationBatch: (report) => {
      const { preprocessing, training } = this.#watched.plan;
      const { split } = report;
      if (report.batch === 1) {
        this.#collectors[split] = new ValidationCollector(report, training.classes, preprocessing);
      }
      this.#collectors[split]!.add(report);
    },
    onEpoch: (report) => {
      this.#events.epoch(report);
      const { epoch, epochs } = report;
      this.#status = { ...this.#status, epoch, epochs };
    },
  };

  /** What belongs to a state, to be written before the state itself: a run that continues from it then has all of it once. */
  async beforeSave({ network }: Pick<TrainerState, "network">, epoch?: EpochReport): Promise<void> {
    if (epoch) this.#events.weights(epoch.epoch, network);
    await this.#events.flush();
    const collector = epoch?.isBest ? this.#collectors[epoch.better === "ema" ? "ema" : "val"] : undefined;
    if (collector) {
      const { validation } = runFiles(this.#watched.folder);
      await writeFileAtomically(validation, JSON.stringify(collector.details()));
    }
  }

  /** Runs the training, and writes at its end how it ended. */
  async during<T>(training: () => Promise<T>): Promise<T> {
    try {
      const result = await training();
      await this.#end({ state: "finished" });
      return result;
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      const state = code === "E_ABORTED" ? "stopped" : "failed";
      await this.#end({ state, message }).catch(() => {}); // what stopped the training is what to report
      throw error;
    }
  }

  async #afterStep(report: StepReport): Promise<void> {
    const { step, epoch, etaSeconds } = report;
    this.#status = { ...this.#status, step, epoch, etaSeconds };
    await this.#events.step(report);
    if (performance.now() < this.#nextReport) return;
    const start = performance.now();
    await this.#report();
    const now = performance.now();
    this.#nextReport = now + Math.max(REPORT_INTERVAL_MS, (now - start) / REPORT_SHARE);
  }

  async #end(outcome: Pick<RunStatus, "state" | "message">): Promise<void> {
    const { etaSeconds: _, ...status } = this.#status;
    this.#status = { ...status, ...outcome };
    await this.#report();
  }

  async #report(): Promise<void> {
    const { folder } = this.#watched;
    await this.#events.flush();
    await writeStatus(folder, { ...this.#status, updatedAt: new Date().toISOString() });
    await writeRunReport(folder);
  }
}
