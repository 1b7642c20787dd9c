import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically } from "@repvgg/checkpoint/node";
import { RepvggError } from "@repvgg/core";
import { createRunFolder } from "../run/run-folder.ts";
import { lockFolder } from "../run/run-lock.ts";
import type { Given } from "../run/settings.ts";
import type { TrainingCommand } from "../training-options.ts";
import { version } from "../version.ts";
import type { TrialSettings } from "./draw-trials.ts";

/** `diverged`: its loss was no longer finite; it would be so again. `failed`: any other error. */
type TrialState = "waiting" | "running" | "finished" | "diverged" | "failed";

export interface Trial {
  /** From 1 on. */
  readonly trial: number;
  readonly settings: TrialSettings;
  readonly state: TrialState;
  readonly epochs: number | null;
  readonly best: { readonly epoch: number; readonly top1: number; readonly top5: number } | null;
  /** Of all its attempts. */
  readonly seconds: number;
  readonly error: string | null;
}

/** What `sweep.json` holds: all that is needed to go on. */
export interface Sweep {
  readonly version: string;
  readonly command: TrainingCommand;
  /** What all trials have, files by their whole path. */
  readonly settings: Given;
  readonly trials: readonly Trial[];
}

/** The files of a sweep. */
export function sweepFiles(folder: string) {
  return {
    sweep: join(folder, "sweep.json"),
    csv: join(folder, "sweep.csv"),
    page: join(folder, "sweep.html"),
    trial: (number: number) => join(folder, `trial-${number}`),
  };
}

/** A sweep of which nothing has run. */
export function newSweep(command: TrainingCommand, settings: Given, trials: readonly TrialSettings[]): Sweep {
  const waiting = { state: "waiting", epochs: null, best: null, seconds: 0, error: null } as const;
  const all = trials.map((settings, i) => ({ trial: i + 1, settings, ...waiting }));
  return { version: version(), command, settings, trials: all };
}

/** Makes the folder of a new sweep, locked: `wanted`, or with the next free number. @throws {RepvggError} `E_USAGE` */
export function createSweepFolder(wanted: string, sweep: Sweep): Promise<string> {
  return createRunFolder(wanted, async (folder) => {
    await lockFolder(folder);
    await writeSweep(folder, sweep);
  });
}

export async function writeSweep(folder: string, sweep: Sweep): Promise<void> {
  await writeFileAtomically(sweepFiles(folder).sweep, `${JSON.stringify(sweep, undefined, 2)}\n`);
}

/** @throws {RepvggError} `E_USAGE`: the folder is none that a sweep wrote. */
export async function readSweep(folder: string): Promise<Sweep> {
  const fail = (reason: string, cause?: unknown): never => {
    const message = `${folder} is no sweep: ${reason}. Give a folder that \`repvgg sweep\` wrote.`;
    throw new RepvggError("E_USAGE", message, { cause });
  };
  try {
    const sweep = JSON.parse(await readFile(sweepFiles(folder).sweep, "utf8")) as Partial<Sweep> | null;
    if (!Array.isArray(sweep?.trials) || typeof sweep.settings !== "object") fail("its sweep.json has no trials");
    return sweep as Sweep;
  } catch (error) {
    if (error instanceof RepvggError) throw error;
    return fail((error as Error).message, error);
  }
}

/** The best first, by top-1, then top-5; those without a result last, in their order. */
export function ranked(trials: readonly Trial[]): Trial[] {
  return [...trials].sort((a, b) => {
    if (!a.best || !b.best) return Number(b.best !== null) - Number(a.best !== null);
    return b.best.top1 - a.best.top1 || b.best.top5 - a.best.top5;
  });
}
