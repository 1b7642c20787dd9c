import { join } from "node:path";
import { nearestName, RepvggError } from "@repvgg/core";
import type { CommandResult } from "../command.ts";
import { EXIT } from "../exit.ts";
import { AUTO, flagName, type OptionSpecs } from "../option.ts";
import { openData } from "../run/data-source.ts";
import { loadModel } from "../run/model.ts";
import { percent } from "../run/numbers.ts";
import { lockFolder, unlockFolder } from "../run/run-lock.ts";
import { absolutePaths, type Given, givenSettings, newSettings } from "../run/settings.ts";
import { checkBetweenSettings } from "../run/training-plan.ts";
import type { Terminal } from "../terminal.ts";
import { SETTINGS, type TrainingCommand } from "../training-options.ts";
import { gridTrials, randomTrials, type TrialSettings } from "./draw-trials.ts";
import { runTrials } from "./run-trials.ts";
import { type Axis, searchSpace } from "./search-space.ts";
import { createSweepFolder, newSweep, ranked, readSweep, type Sweep, sweepFiles } from "./sweep-folder.ts";
import { describeSettings, sweepTable, sweepValue } from "./sweep-table.ts";

/** What was typed: settings of every trial, and what to search. */
export type GivenSweep = Given & {
  readonly grid?: readonly string[] | undefined;
  readonly range?: readonly string[] | undefined;
  readonly random?: number | undefined;
};

/** `repvgg sweep`: plans, makes the folder or continues one, trains each trial. */
export async function runSweep(
  word: string | undefined,
  given: GivenSweep,
  terminal: Terminal,
): Promise<CommandResult> {
  if (given.resume !== undefined) return continueSweep(given.resume, word, given, terminal);
  const sweep = await planSweep(commandOf(word ?? "train"), given);
  const wanted = given.out ?? join("runs", "sweep");
  if (given.dryRun) return listTrials(sweep);
  return runLocked(await createSweepFolder(wanted, sweep), terminal);
}

function commandOf(word: string): TrainingCommand {
  if (word === "train" || word === "distill") return word;
  const nearest = nearestName(word, Object.keys(SETTINGS));
  throw new RepvggError("E_USAGE", `A sweep runs train or distill, got "${word}". Did you mean ${nearest}?`);
}

/** Everything that can be wrong with a trial before it has begun is said before any has. */
async function planSweep(command: TrainingCommand, given: GivenSweep): Promise<Sweep> {
  const { grid, range, random, out, dryRun, ...typed } = given;
  const specs: OptionSpecs = SETTINGS[command];
  const axes = await searchSpace({ ...(grid && { grid }), ...(range && { range }) }, specs);
  checkTyped(command, typed, axes);
  const settings = await absolutePaths(await givenSettings(command, typed));
  const trials = random === undefined ? gridTrials(axes) : randomTrials(axes, random, settings.seed ?? 0);
  await checkTrials(command, settings, trials);
  return newSweep(command, settings, (await Promise.all(trials.map(absolutePaths))) as TrialSettings[]);
}

function checkTyped(command: TrainingCommand, { config: _, ...typed }: Given, axes: readonly Axis[]): void {
  const foreign = Object.keys(typed).find((key) => !(key in SETTINGS[command]));
  if (foreign !== undefined) {
    const other = command === "train" ? "distill" : "train";
    throw new RepvggError(
      "E_USAGE",
      `${flagName(foreign)} is an option of ${other}, and the trials run ${command}. Leave it out, or sweep the other: repvgg sweep ${other}`,
    );
  }
  const both = axes.find(({ key }) => key in typed);
  if (both === undefined) return;
  throw new RepvggError("E_USAGE", `${flagName(both.key)} is given and searched. Leave one of them out.`);
}

/** @throws {RepvggError} Settings of a trial contradict each other, or its data or network is not there. */
async function checkTrials(command: TrainingCommand, settings: Given, trials: readonly TrialSettings[]): Promise<void> {
  const checked = new Set<unknown>();
  for (const trial of trials) {
    const wanted = { ...settings, ...trial };
    if (wanted.batchSize === AUTO) {
      throw new RepvggError("E_USAGE", "A sweep compares trials of one batch size each. Give --batch-size a number.");
    }
    const all = await newSettings(command, wanted, () => {});
    checkBetweenSettings(all);
    if (!checked.has(all.data)) await openData(all);
    if (!checked.has(all.model)) await loadModel(all.model!);
    checked.add(all.data).add(all.model);
  }
}

function listTrials({ trials }: Sweep): CommandResult {
  const lines = trials.map(({ trial, settings }) => `Trial ${trial}/${trials.length}: ${describeSettings(settings)}`);
  return { value: trials.map(({ trial, settings }) => ({ trial, settings })), text: lines.join("\n") };
}

async function continueSweep(
  folder: string,
  word: string | undefined,
  { resume: _, dryRun, ...others }: GivenSweep,
  terminal: Terminal,
): Promise<CommandResult> {
  const more = [...(word === undefined ? [] : [word]), ...Object.keys(others).map(flagName)];
  if (more.length > 0) {
    throw new RepvggError("E_USAGE", `--resume takes everything from the sweep: leave out ${more.join(", ")}.`);
  }
  if (dryRun) return listTrials(await readSweep(folder));
  await readSweep(folder); // before a lock is put into a folder that is no sweep
  await lockFolder(folder);
  return runLocked(folder, terminal);
}

/** Reads it only now: another process may have written to it until it gave the lock back. */
async function runLocked(folder: string, terminal: Terminal): Promise<CommandResult> {
  try {
    return report(folder, await runTrials(folder, await readSweep(folder), terminal));
  } finally {
    await unlockFolder(folder);
  }
}

function report(folder: string, sweep: Sweep): CommandResult {
  const [first] = ranked(sweep.trials);
  const files = sweepFiles(folder);
  const verdict = first?.best
    ? [
        `Best: trial ${first.trial}, ${describeSettings(first.settings)}, Acc@1 ${percent(first.best.top1, 3)}`,
        `Its run folder: ${files.trial(first.trial)}; the table: ${files.csv}; its page: ${files.page}`,
      ]
    : [`No trial finished. To try those that failed again: repvgg sweep --resume ${folder}`];
  return {
    value: sweepValue(folder, sweep),
    text: [sweepTable(sweep), "", ...verdict].join("\n"),
    exitCode: first?.best ? EXIT.success : EXIT.failure,
  };
}
