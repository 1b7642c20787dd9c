import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { saveCheckpoint } from "@repvgg/checkpoint/node";
import type { StateDict } from "@repvgg/core";
import type { EpochReport, TrainerState } from "@repvgg/distill";
import { keptClasses } from "./class-map.ts";
import { saveResumeState } from "./resume-state.ts";
import { runFiles, writeHistory } from "./run-folder.ts";
import type { TrainingPlan } from "./training-plan.ts";

const EPOCH_FILE = /^epoch-(\d+)\.safetensors$/;

/**
 * Writes what a run keeps after an epoch, or in the middle of one.
 *
 * The state comes last: if the process is killed in between, the epoch is done again and the same files are written again.
 *
 * @param epoch Given after the last step of an epoch.
 * @throws {RepvggError} `E_CHECKPOINT`: a file cannot be written. Each file is the new one or the one before, never half of one.
 */
export async function saveRun(
  plan: TrainingPlan,
  folder: string,
  state: TrainerState,
  epoch?: EpochReport,
): Promise<void> {
  const { last, lastEma, best } = runFiles(folder);
  if (epoch) {
    const { network, average } = state;
    await saveWeights(last, plan, network);
    if (average) await saveWeights(lastEma, plan, average);
    if (epoch.isBest) await saveWeights(best, plan, epoch.better === "ema" ? average! : network);
    await keepEpoch(plan, folder, epoch.epoch, network);
    await writeHistory(folder, state.progress.history);
  }
  await saveResumeState(folder, state);
}

/** Writes the weights of an epoch under its number, and removes those that are older than `--keep` epochs. */
async function keepEpoch(plan: TrainingPlan, folder: string, epoch: number, network: StateDict): Promise<void> {
  const { keep } = plan.settings;
  if (keep === 0) return;
  await saveWeights(join(folder, `epoch-${epoch}.safetensors`), plan, network);
  for (const name of await readdir(folder)) {
    const number = Number(EPOCH_FILE.exec(name)?.[1] ?? epoch);
    if (number <= epoch - keep) await rm(join(folder, name), { force: true });
  }
}

/** Writes the network in train form, with its classes and preprocessing. */
export function saveWeights(
  file: string,
  { spec, preprocessing, source }: TrainingPlan,
  state: StateDict,
): Promise<void> {
  return saveCheckpoint(file, { spec, form: "train", state, ...keptClasses(source), preprocessing });
}
