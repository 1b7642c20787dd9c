import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Device } from "@repvgg/backend";
import { RepvggError } from "@repvgg/core";
import { type EpochReport, Trainer, type TrainerState, type TrainingResult } from "@repvgg/distill";
import type { CommandResult } from "../command.ts";
import { AUTO } from "../option.ts";
import { RunWatch } from "../report/run-watch.ts";
import type { Terminal } from "../terminal.ts";
import type { TrainingCommand } from "../training-options.ts";
import { version } from "../version.ts";
import { keptClasses } from "./class-map.ts";
import { continuedState, lockRun, unlockRun } from "./continue-run.ts";
import { fingerprintOf } from "./data-fingerprint.ts";
import { describeData } from "./data-source.ts";
import { GrowingTraining } from "./growing-training.ts";
import { grouped, percent } from "./numbers.ts";
import { type OpenTraining, withTraining } from "./open-training.ts";
import { preprocessingOfEpoch } from "./progressive-size.ts";
import { rehearse } from "./rehearse.ts";
import { checkSameData, resumedSettings } from "./resumed-settings.ts";
import { createRunFolder, writeConfig } from "./run-folder.ts";
import { saveRun } from "./save-run.ts";
import { type Given, newSettings } from "./settings.ts";
import { showTraining } from "./show-training.ts";
import type { CacheUse } from "./teacher-cache/teacher-cache.ts";
import { optimizerOf, scheduleOf, trainingSources } from "./training-parts.ts";
import { planTraining, type TrainingPlan } from "./training-plan.ts";

/** `repvgg train` and `repvgg distill`: plans, makes the run folder or continues one, trains. */
export async function runTraining(command: TrainingCommand, given: Given, terminal: Terminal): Promise<CommandResult> {
  if (given.resume !== undefined) return continueRun(command, given.resume, given, terminal);
  if (given.force) {
    throw new RepvggError(
      "E_USAGE",
      "--force accepts changes to a run that --resume continues: give both, or leave it out.",
    );
  }
  const plan = await planTraining(await newSettings(command, given, (text) => terminal.note(text)), terminal);
  if (plan.newEntries.length > 0) {
    terminal.note(
      `${plan.settings.weights}: all weights are kept but those of the head (${plan.newEntries.join(", ")}), which start anew for ` +
        `${plan.spec.numClasses} classes.`,
    );
  }
  const wanted = given.out ?? join("runs", plan.modelName);
  if (given.dryRun) return rehearse(plan, wanted, terminal);
  return train(plan, { command, terminal, openFolder: (device) => newRun(command, wanted, plan, device) });
}

async function continueRun(
  command: TrainingCommand,
  folder: string,
  given: Given,
  terminal: Terminal,
): Promise<CommandResult> {
  if (given.out !== undefined) {
    throw new RepvggError("E_USAGE", "--out goes with a new run only: --resume writes to the run's own folder.");
  }
  const resumed = await resumedSettings(command, folder, given, (text) => terminal.note(text));
  const planned = async () => {
    const plan = await planTraining(resumed.settings, terminal);
    const data = fingerprintsOf(plan);
    if (!given.force) checkSameData(folder, resumed.run.data, data);
    return { plan, data };
  };
  if (given.dryRun) return rehearse((await planned()).plan, folder, terminal);
  await lockRun(folder);
  try {
    const { plan, data } = await planned();
    const state = await continuedState(folder, resumed, plan, data, terminal);
    return await train(plan, { command, terminal, resumed: { state }, openFolder: async () => folder });
  } finally {
    await unlockRun(folder);
  }
}

/** What a training works with. */
interface Surroundings {
  readonly command: TrainingCommand;
  readonly terminal: Terminal;
  /** Given where a run is continued, without a state where it was stopped before its first save. */
  readonly resumed?: { readonly state: TrainerState | undefined };
  openFolder(device: Device): Promise<string>;
}

/** A new folder, locked. It names the device that `auto` took, since a continued run has the same bits on the same device only. */
async function newRun(command: TrainingCommand, wanted: string, plan: TrainingPlan, { name }: Device): Promise<string> {
  const { settings, modelName, spec, preprocessing, source } = plan;
  const about = { command, version: version(), model: modelName, spec, ...keptClasses(source), preprocessing };
  const run = { ...about, data: fingerprintsOf(plan) };
  return createRunFolder(wanted, async (folder) => {
    await lockRun(folder);
    await writeConfig(folder, { ...settings, device: settings.device === AUTO ? name : settings.device, run });
  });
}

const fingerprintsOf = ({ training, validation }: TrainingPlan) => ({
  train: fingerprintOf(training),
  val: fingerprintOf(validation),
});

function train(plan: TrainingPlan, surroundings: Surroundings): Promise<CommandResult> {
  const { resumed, terminal } = surroundings;
  const signal = terminal.interruptSignal();
  terminal.note(describeData(plan.source, "train", plan.training));
  return withTraining(plan, resumed?.state, signal, terminal, (open) =>
    runInFolder(plan, surroundings, { ...open, signal }),
  );
}

type Open = OpenTraining & { readonly signal: AbortSignal };

/** Opens the folder only now: what failed before leaves nothing behind. Nor does a run that failed before it saved anything, unless it diverged: its report may say why. */
async function runInFolder(plan: TrainingPlan, surroundings: Surroundings, open: Open): Promise<CommandResult> {
  const { command, resumed, openFolder, terminal } = surroundings;
  const folder = await openFolder(open.device);
  let isSaved = resumed?.state !== undefined;
  try {
    const save = async (state: TrainerState, epoch?: EpochReport) => {
      await saveRun(plan, folder, state, epoch);
      isSaved = true;
    };
    return await runTrainer(plan, surroundings, open, folder, save);
  } catch (error) {
    if (isSaved) terminal.note(`To go on from the last saved step: repvgg ${command} --resume ${folder}`);
    else if (!resumed && (error as RepvggError).code !== "E_DIVERGED")
      await rm(folder, { recursive: true, force: true });
    throw error;
  } finally {
    await unlockRun(folder);
  }
}

async function runTrainer(
  plan: TrainingPlan,
  { resumed, terminal }: Surroundings,
  { device, student, objective, signal, cacheUse }: Open,
  folder: string,
  save: (state: TrainerState, epoch?: EpochReport) => Promise<void>,
): Promise<CommandResult> {
  const { settings, modelName, stepsPerEpoch } = plan;
  const { epochs, accumulate, ema, emaWarmup, patience, onNan, saveEvery } = settings;
  terminal.note(`${modelName} on ${device.name}, threads: ${device.threads}; run folder: ${folder}`);
  const shown = await showTraining(terminal, epochs * Math.ceil(stepsPerEpoch / accumulate));
  const epoch = resumed?.state?.progress.epoch ?? 0;
  const { data, validation } = await trainingSources(plan, terminal, preprocessingOfEpoch(plan, epoch));
  const { network } = student;
  const growing =
    settings.progressive === undefined ? undefined : new GrowingTraining(plan, { device, student }, terminal, epoch);
  try {
    const watch = await RunWatch.start({ folder, plan, device, data, state: resumed?.state });
    const trainer = new Trainer({
      network,
      data,
      validation,
      objective,
      epochs,
      optimizer: optimizerOf(settings),
      accumulate,
      ...(ema !== undefined && { ema: { decay: ema, warmup: emaWarmup } }),
      ...(patience !== undefined && { patience }),
      onNonFinite: onNan,
      schedule: scheduleOf(settings),
      callbacks: [shown.callbacks, watch.callbacks],
      save: async (state, { report }) => {
        await watch.beforeSave(state, report);
        await save(state, report);
      },
      saveEverySteps: saveEvery,
      signal,
      ...growing?.options,
      ...(resumed?.state && { resume: resumed.state }),
    });
    return report(folder, plan, await watch.during(() => trainer.run()), cacheUse?.());
  } finally {
    shown.stop();
    await Promise.all([growing?.close(), data.close(), validation.close()]);
  }
}

function report(
  folder: string,
  { settings, teacher }: TrainingPlan,
  { best, stoppedEarly }: TrainingResult,
  cacheUse: CacheUse | undefined,
): CommandResult {
  const { epoch, top1, top5 } = best;
  const value = {
    run: folder,
    epochs: settings.epochs,
    best: { epoch, top1, top5 },
    ...(teacher && { teacher: teacher.name }),
    ...(cacheUse && { teacherCache: cacheUse }),
  };
  const name = basename(folder);
  const by = best.split === "ema" ? " (average of the weights)" : "";
  const text = [
    ...(stoppedEarly ? [`Stopped early: ${settings.patience} epochs without a better one.`] : []),
    `Best of ${settings.epochs} epochs: ${epoch}, Acc@1 ${percent(top1, 3)} Acc@5 ${percent(top5, 3)}${by}`,
    ...(cacheUse
      ? [
          `Teacher's answers: ${grouped(cacheUse.kept)} kept ones used, ${grouped(cacheUse.asked)} new; ${cacheUse.folder}`,
        ]
      : []),
    `Run folder: ${folder}`,
    `Next: repvgg fuse ${folder} ${name}-deploy.safetensors`,
  ];
  return { value, text: text.join("\n") };
}
