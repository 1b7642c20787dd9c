import { createHash } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { loadTensors, saveTensors } from "@repvgg/checkpoint/node";
import { type NdArray, RepvggError, type StateDict } from "@repvgg/core";
import type { TrainerProgress, TrainerState } from "@repvgg/distill";
import { runFiles } from "./run-folder.ts";

const PREFIX = {
  network: "network/",
  optimizer: "optimizer/",
  average: "average/",
  objective: "objective/",
} as const;
const PARTS = Object.keys(PREFIX) as (keyof typeof PREFIX)[];
const PROGRESS = "progress";
const DIGEST = "sha256";

/** The last one, and the one to fall back to where that is damaged. */
const STATES_KEPT = 2;
const FILE_NAME = /^state-(\d+)\.safetensors$/;

/**
 * Writes all that a bit-exact continuation needs into one new file, so that it is there as a whole or not at all; then removes
 * all older ones but the last.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: it cannot be written; those before are untouched.
 */
export async function saveResumeState(folder: string, state: TrainerState): Promise<void> {
  const { resumeFolder } = runFiles(folder);
  await mkdir(resumeFolder, { recursive: true });
  const tensors = new Map<string, NdArray>();
  for (const part of PARTS) {
    for (const [name, array] of state[part] ?? []) tensors.set(PREFIX[part] + name, array);
  }
  const progress = JSON.stringify(state.progress);
  const { epoch, batch, batchesPerEpoch } = state.progress;
  const batches = String(epoch * batchesPerEpoch + batch).padStart(9, "0");
  const metadata = { [PROGRESS]: progress, [DIGEST]: digestOf(progress, tensors) };
  await saveTensors(join(resumeFolder, `state-${batches}.safetensors`), tensors, metadata);
  const older = (await stateFiles(folder)).slice(STATES_KEPT);
  await Promise.all(older.map((file) => rm(file, { force: true })));
}

/** A state, and why it is not the last one that was saved. */
export interface ResumeState {
  readonly state: TrainerState;
  /** Newer files, which are damaged. */
  readonly damaged: readonly { readonly file: string; readonly reason: string }[];
}

/**
 * The last state that {@link saveResumeState} wrote and that is still as it was written; undefined where there is none at all.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: there are some, and all are damaged.
 */
export async function loadResumeState(folder: string): Promise<ResumeState | undefined> {
  const damaged: { file: string; reason: string }[] = [];
  for (const file of await stateFiles(folder)) {
    try {
      return { state: await readState(file), damaged };
    } catch (error) {
      damaged.push({ file, reason: (error as Error).message });
    }
  }
  if (damaged.length === 0) return undefined;
  const reasons = damaged.map(({ reason }) => reason).join(" ");
  throw new RepvggError(
    "E_CHECKPOINT",
    `${folder} cannot be continued: every saved state is damaged. ${reasons} Start a new run, from its weights if these ` +
      `can be read: --weights ${runFiles(folder).last}.`,
  );
}

/** Removes the states that are newer than the one to go on from: they are damaged. */
export async function removeDamaged({ damaged }: ResumeState): Promise<void> {
  await Promise.all(damaged.map(({ file }) => rm(file, { force: true })));
}

/** The newest first. */
async function stateFiles(folder: string): Promise<string[]> {
  const { resumeFolder } = runFiles(folder);
  const names = await readdir(resumeFolder).catch(() => []);
  const numberOf = (name: string) => Number(FILE_NAME.exec(name)?.[1] ?? Number.NaN);
  const states = names.filter((name) => FILE_NAME.test(name)).sort((a, b) => numberOf(b) - numberOf(a));
  return states.map((name) => join(resumeFolder, name));
}

async function readState(file: string): Promise<TrainerState> {
  const { tensors, metadata } = await loadTensors(file);
  const { [PROGRESS]: progress, [DIGEST]: digest } = metadata;
  if (progress === undefined || digest !== digestOf(progress, tensors)) {
    throw new RepvggError("E_CHECKPOINT", `${file} is not as it was written: its checksum is another.`);
  }
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
  return { progress: JSON.parse(progress) as TrainerProgress, ...others, ...(average.size > 0 && { average }) };
}

/** Of everything in the file, in any order of the tensors. */
function digestOf(progress: string, tensors: ReadonlyMap<string, NdArray>): string {
  const hash = createHash("sha256").update(progress);
  for (const name of [...tensors.keys()].sort()) {
    const { shape, data } = tensors.get(name)!;
    hash.update(`\n${name} ${shape.join(",")}\n`);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}
