import { mkdir } from "node:fs/promises";
import { basename } from "node:path";
import { loadCheckpoint, removeUnfinished } from "@repvgg/checkpoint/node";
import { type NdArray, RepvggError } from "@repvgg/core";
import type { TrainerState } from "@repvgg/distill";
import type { Terminal } from "../terminal.ts";
import { adaptState } from "./adapted-state.ts";
import { loadResumeState, removeDamaged } from "./resume-state.ts";
import { listOf, type ResumedSettings, type RunFacts } from "./resumed-settings.ts";
import { exists, runFiles, writeConfig } from "./run-folder.ts";
import { lockFolder, unlockFolder } from "./run-lock.ts";
import { saveWeights } from "./save-run.ts";
import type { TrainingPlan } from "./training-plan.ts";

/** Locks a run that is to be continued; see {@link lockFolder}. */
export async function lockRun(folder: string): Promise<void> {
  const { resumeFolder } = runFiles(folder);
  await mkdir(resumeFolder, { recursive: true });
  await lockFolder(resumeFolder);
}

/** Gives the lock back. */
export const unlockRun = (folder: string): Promise<void> => unlockFolder(runFiles(folder).resumeFolder);

/**
 * The state that a run goes on from; undefined where it was stopped before its first save, and starts anew.
 *
 * Says what is damaged, and what other settings do to the state; these are then the run's.
 *
 * @param data What the images are now.
 * @throws {RepvggError} `E_CHECKPOINT`: no state can be read, though there was one; `E_USAGE`: it does not fit the settings.
 */
export async function continuedState(
  folder: string,
  resumed: ResumedSettings,
  plan: TrainingPlan,
  data: NonNullable<RunFacts["data"]>,
  terminal: Terminal,
): Promise<TrainerState | undefined> {
  const { changes, run } = resumed;
  const saved = await loadResumeState(folder);
  if (!saved && (await exists(runFiles(folder).last))) {
    throw new RepvggError(
      "E_CHECKPOINT",
      `${folder} cannot be continued: it has weights, but no saved state in ${runFiles(folder).resumeFolder}. Start a new run ` +
        `from its weights: --weights ${runFiles(folder).last}.`,
    );
  }
  for (const { reason } of saved?.damaged ?? []) terminal.note(`${reason} The state saved before it is taken.`);
  if (!saved) terminal.note(`${folder} was stopped before anything was saved: it starts from the beginning.`);
  const otherData = run.data !== undefined && JSON.stringify(run.data) !== JSON.stringify(data);
  const adapted = saved && adaptState(saved.state, resumed, { batchesPerEpoch: plan.stepsPerEpoch, otherData });
  if (changes.length > 0) terminal.note(`Goes on with other settings: ${listOf(changes)}.`);
  if (otherData) terminal.note("Goes on with other images.");
  for (const note of adapted?.notes ?? []) terminal.note(note);
  if (changes.length > 0 || otherData) await writeConfig(folder, { ...plan.settings, run: { ...run, data } });
  if (saved) await removeDamaged(saved);
  // `repvgg report` writes the report, too; all else none but the owner of the lock.
  const report = basename(runFiles(folder).report);
  for (const place of [folder, runFiles(folder).resumeFolder]) await removeUnfinished(place, (name) => name !== report);
  if (adapted) await repairLast(folder, plan, adapted.state, terminal);
  return adapted?.state;
}

/** Between two epochs the state has the weights of `last.safetensors`: what happened to that file is mended. */
async function repairLast(folder: string, plan: TrainingPlan, state: TrainerState, terminal: Terminal): Promise<void> {
  const { epoch, batch } = state.progress;
  if (epoch === 0 || batch > 0) return;
  const { last } = runFiles(folder);
  try {
    const { state: found } = await loadCheckpoint(last);
    const same = ([name, { data }]: [string, NdArray]) => found.get(name)?.data.every((value, i) => value === data[i]);
    if ([...state.network].every(same)) return;
    terminal.note(`${last} has other weights than the saved state: it is written again.`);
  } catch (error) {
    terminal.note(`${(error as Error).message} It is written again, from the saved state.`);
  }
  await saveWeights(last, plan, state.network);
}
