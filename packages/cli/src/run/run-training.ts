import { basename, join } from "node:path";
import type { Device } from "@repvgg/backend";
import { saveCheckpoint } from "@repvgg/checkpoint/node";
import type { StateDict } from "@repvgg/core";
import {
  type EpochReport,
  type Objective,
  Trainer,
  type TrainerOptions,
  type TrainerState,
  type TrainingResult,
} from "@repvgg/distill";
import type { CommandResult } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import type { TrainingCommand } from "../training-options.ts";
import { version } from "../version.ts";
import { describeData } from "./data-source.ts";
import { percent } from "./numbers.ts";
import { openObjective } from "./objective.ts";
import { openDeviceOf } from "./open-device.ts";
import { loadResumeState, saveResumeState } from "./resume-state.ts";
import { createRunFolder, runFiles, writeConfig, writeHistory } from "./run-folder.ts";
import { type Given, newSettings, resumedSettings } from "./settings.ts";
import { showTraining } from "./show-training.ts";
import { frozenStages, optimizerOf, scheduleOf, trainingSources } from "./training-parts.ts";
import { describePlan, planTraining, type TrainingPlan } from "./training-plan.ts";

/** `repvgg train` and `repvgg distill`: plans, makes the run folder or continues one, trains. */
export async function runTraining(command: TrainingCommand, given: Given, terminal: Terminal): Promise<CommandResult> {
  const { resume } = given;
  const settings = resume ? await resumedSettings(command, resume, given) : await newSettings(command, given);
  const plan = await planTraining(settings);
  if (plan.newEntries.length > 0) {
    terminal.note(
      `${settings.weights}: all weights are kept but those of the head (${plan.newEntries.join(", ")}), which start anew for ` +
        `${plan.spec.numClasses} classes.`,
    );
  }
  const wanted = resume ?? given.out ?? join("runs", plan.modelName);
  if (given.dryRun) return describePlan(plan, wanted);

  const signal = terminal.interruptSignal();
  const device = await openDeviceOf(settings, terminal);
  try {
    const state = resume ? await loadResumeState(resume) : undefined;
    const openFolder = () => (resume ? Promise.resolve(resume) : newRun(command, wanted, plan));
    return await train(plan, { device, state, openFolder, signal, terminal });
  } finally {
    device.dispose();
  }
}

/** What a training works with. */
interface Surroundings {
  readonly device: Device;
  /** Of the run that is continued. */
  readonly state: TrainerState | undefined;
  openFolder(): Promise<string>;
  readonly signal: AbortSignal;
  readonly terminal: Terminal;
}

async function newRun(command: TrainingCommand, wanted: string, plan: TrainingPlan): Promise<string> {
  const folder = await createRunFolder(wanted);
  const { settings, modelName, spec, preprocessing, training } = plan;
  const run = { command, version: version(), model: modelName, spec, classes: training.classes, preprocessing };
  await writeConfig(folder, { ...settings, run });
  return folder;
}

async function train(plan: TrainingPlan, surroundings: Surroundings): Promise<CommandResult> {
  const { device, state, signal, terminal } = surroundings;
  const { settings, spec, preprocessing } = plan;
  const network = await device.createTrainableNetwork({
    spec,
    state: state?.network ?? plan.state,
    imageSize: preprocessing.size,
    batchSize: settings.batchSize,
    freeze: frozenStages(settings),
  });
  try {
    terminal.note(describeData(plan.source, "train", plan.training));
    const { objective, dispose } = await openObjective(plan, device, signal, terminal);
    try {
      return await runTrainer(plan, surroundings, network, objective);
    } finally {
      dispose();
    }
  } finally {
    network.dispose();
  }
}

async function runTrainer(
  plan: TrainingPlan,
  { device, state, openFolder, signal, terminal }: Surroundings,
  network: TrainerOptions["network"],
  objective: Objective,
): Promise<CommandResult> {
  const { settings, modelName, stepsPerEpoch } = plan;
  const { epochs, accumulate, ema, patience, onNan, saveEvery } = settings;
  const folder = await openFolder(); // Only now: what fails before leaves nothing behind.
  terminal.note(`${modelName} on ${device.name}, threads: ${device.threads}; run folder: ${folder}`);
  const shown = await showTraining(terminal, epochs * Math.ceil(stepsPerEpoch / accumulate));
  const { data, validation } = await trainingSources(plan, shown);
  try {
    const trainer = new Trainer({
      network,
      data,
      validation,
      objective,
      epochs,
      optimizer: optimizerOf(settings),
      accumulate,
      ...(ema !== undefined && { ema: { decay: ema } }),
      ...(patience !== undefined && { patience }),
      onNonFinite: onNan,
      schedule: scheduleOf(settings),
      callbacks: shown.callbacks,
      save: (state, { report }) => save(plan, folder, state, report),
      saveEverySteps: saveEvery,
      signal,
      ...(state && { resume: state }),
    });
    return report(folder, plan, await trainer.run());
  } finally {
    shown.stop();
    await Promise.all([data.close(), validation.close()]);
  }
}

/** The state last: if the process is killed in between, the epoch is done again and the same files are written again. */
async function save(plan: TrainingPlan, folder: string, state: TrainerState, epoch?: EpochReport): Promise<void> {
  const { last, lastEma, best } = runFiles(folder);
  if (epoch) {
    const { network, average } = state;
    await saveWeights(last, plan, network);
    if (average) await saveWeights(lastEma, plan, average);
    if (epoch.isBest) await saveWeights(best, plan, epoch.better === "ema" ? average! : network);
    await writeHistory(folder, state.progress.history);
  }
  await saveResumeState(folder, state);
}

function saveWeights(file: string, { spec, preprocessing, training }: TrainingPlan, state: StateDict): Promise<void> {
  return saveCheckpoint(file, { spec, form: "train", state, classes: training.classes, preprocessing });
}

function report(
  folder: string,
  { settings, teacher }: TrainingPlan,
  { best, stoppedEarly }: TrainingResult,
): CommandResult {
  const { epoch, top1, top5 } = best;
  const value = {
    run: folder,
    epochs: settings.epochs,
    best: { epoch, top1, top5 },
    ...(teacher && { teacher: teacher.name }),
  };
  const name = basename(folder);
  const by = best.split === "ema" ? " (average of the weights)" : "";
  const text = [
    ...(stoppedEarly ? [`Stopped early: ${settings.patience} epochs without a better one.`] : []),
    `Best of ${settings.epochs} epochs: ${epoch}, Acc@1 ${percent(top1, 3)} Acc@5 ${percent(top5, 3)}${by}`,
    `Run folder: ${folder}`,
    `Next: repvgg fuse ${folder} ${name}-deploy.safetensors`,
  ];
  return { value, text: text.join("\n") };
}
