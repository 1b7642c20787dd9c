import { mkdir } from "node:fs/promises";
import { loadTensors, saveTensors } from "@repvgg/checkpoint/node";
import { type NdArray, RepvggError, type StateDict } from "@repvgg/core";
import type { TrainerProgress, TrainerState } from "@repvgg/distill";
import { exists, runFiles } from "./run-folder.ts";

const PREFIX = {
  network: "network/",
  optimizer: "optimizer/",
  average: "average/",
  objective: "objective/",
} as const;
const PARTS = Object.keys(PREFIX) as (keyof typeof PREFIX)[];
const PROGRESS = "progress";

/** Writes all that a bit-exact continuation needs into one file, so that it is either the whole new state or the old one. */
export async function saveResumeState(folder: string, state: TrainerState): Promise<void> {
  const { resume, resumeFolder } = runFiles(folder);
  await mkdir(resumeFolder, { recursive: true });
  const tensors = new Map<string, NdArray>();
  for (const part of PARTS) {
    for (const [name, array] of state[part] ?? []) tensors.set(PREFIX[part] + name, array);
  }
  await saveTensors(resume, tensors, { [PROGRESS]: JSON.stringify(state.progress) });
}

/**
 * What {@link saveResumeState} wrote; undefined for a run that was stopped before its first save.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: the file is damaged.
 */
export async function loadResumeState(folder: string): Promise<TrainerState | undefined> {
  const { resume } = runFiles(folder);
  if (!(await exists(resume))) return undefined;
  const { tensors, metadata } = await loadTensors(resume);
  const parts = {
    network: new Map(),
    optimizer: new Map(),
    average: new Map(),
    objective: new Map(),
  } satisfies Record<string, StateDict>;
  for (const [name, array] of tensors) {
    const part = PARTS.find((part) => name.startsWith(PREFIX[part]));
    if (part) parts[part].set(name.slice(PREFIX[part].length), array);
  }
  const { average, ...others } = parts;
  return {
    progress: parseProgress(metadata[PROGRESS], resume),
    ...others,
    ...(average.size > 0 && { average }),
  };
}

function parseProgress(json: string | undefined, file: string): TrainerProgress {
  try {
    return JSON.parse(json!);
  } catch (cause) {
    throw new RepvggError("E_CHECKPOINT", `${file} does not say where the training stood: it is no state of a run.`, {
      cause,
    });
  }
}
