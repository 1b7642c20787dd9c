import { writeFileAtomically } from "@repvgg/checkpoint/node";
import { RepvggError } from "@repvgg/core";
import { percent } from "../run/numbers.ts";
import { exists } from "../run/run-folder.ts";
import { runTraining } from "../run/run-training.ts";
import type { Terminal } from "../terminal.ts";
import { type Sweep, sweepFiles, type Trial, writeSweep } from "./sweep-folder.ts";
import { sweepPage } from "./sweep-page.ts";
import { describeSettings, sweepCsv } from "./sweep-table.ts";

/** What `runTraining` says of a run. */
type RunValue = { readonly epochs: number; readonly best: NonNullable<Trial["best"]> };

/**
 * Runs the trials that have no result yet, and writes `sweep.json` before and after each, `sweep.csv` and `sweep.html` after each.
 *
 * A trial that fails is recorded, and the next one begins.
 *
 * @param folder Locked.
 * @throws {RepvggError} `E_ABORTED`: Ctrl-C; the running trial is saved.
 */
export async function runTrials(folder: string, sweep: Sweep, terminal: Terminal): Promise<Sweep> {
  const signal = terminal.interruptSignal();
  const { csv, page } = sweepFiles(folder);
  let current = sweep;
  const record = async (trial: Trial) => {
    current = { ...current, trials: current.trials.map((other) => (other.trial === trial.trial ? trial : other)) };
    await writeSweep(folder, current);
  };
  for (const trial of sweep.trials) {
    if (trial.state === "finished" || trial.state === "diverged") continue;
    if (signal.aborted) throw stopped(folder);
    terminal.note(`\nTrial ${trial.trial}/${sweep.trials.length}: ${describeSettings(trial.settings)}`);
    await record({ ...trial, state: "running", error: null });
    const ended = await runTrial(folder, sweep, trial, terminal);
    await record(ended);
    if (ended.state === "running") throw stopped(folder);
    await writeFileAtomically(csv, sweepCsv(current));
    await writeFileAtomically(page, sweepPage(current));
  }
  return current;
}

/** Trains one, or goes on with it; `running` is its state where it was stopped. */
async function runTrial(
  folder: string,
  { command, settings }: Sweep,
  trial: Trial,
  terminal: Terminal,
): Promise<Trial> {
  const run = sweepFiles(folder).trial(trial.trial);
  const start = performance.now();
  const ended = (state: Trial["state"], more: Partial<Trial>): Trial => {
    const seconds = Number((trial.seconds + (performance.now() - start) / 1000).toFixed(3));
    return { ...trial, state, error: null, seconds, ...more };
  };
  try {
    const given = (await exists(run)) ? { resume: run } : { ...settings, ...trial.settings, out: run };
    const { epochs, best } = (await runTraining(command, given, terminal)).value as RunValue;
    terminal.note(`Trial ${trial.trial}: Acc@1 ${percent(best.top1, 3)} Acc@5 ${percent(best.top5, 3)}`);
    return ended("finished", { epochs, best });
  } catch (cause) {
    const { code, message } = cause as { code?: string; message: string };
    if (code === "E_ABORTED") return ended("running", {});
    terminal.note(`Trial ${trial.trial} failed: ${message}`);
    return ended(code === "E_DIVERGED" ? "diverged" : "failed", { error: message });
  }
}

function stopped(folder: string): RepvggError {
  return new RepvggError("E_ABORTED", `The sweep was stopped. To go on: repvgg sweep --resume ${folder}`);
}
