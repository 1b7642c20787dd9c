import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { RepvggError } from "@repvgg/core";
import type { EpochRecord } from "@repvgg/distill";
import { readScalars, type ScalarPoint } from "@repvgg/report/node";
import { exists, readRunConfig, runFiles } from "../run/run-folder.ts";
import type { TrainingCommand } from "../training-options.ts";
import { type RunStatus, readStatus } from "./run-status.ts";
import type { ValidationDetails } from "./validation-details.ts";

/** All that a run folder tells of a run. */
export interface RunData {
  readonly folder: string;
  readonly name: string;
  readonly command: TrainingCommand;
  readonly model: string;
  readonly version: string;
  /** By option, in camelCase. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly history: readonly EpochRecord[];
  /** Absent before the first report. */
  readonly status: RunStatus | undefined;
  /** Absent before the first epoch is done. */
  readonly validation: ValidationDetails | undefined;
  /** Of the event files, by tag. */
  readonly scalars: ReadonlyMap<string, readonly ScalarPoint[]>;
}

/**
 * Reads a run folder, also of a run that is going on.
 *
 * @throws {RepvggError} `E_USAGE`: it is no run folder; `E_DATA`, `E_CHECKPOINT`: a file of it is damaged.
 */
export async function readRun(folder: string): Promise<RunData> {
  const { run, ...settings } = await readRunConfig(folder);
  const { command, model, version } = (run ?? {}) as Partial<RunData>;
  if (command === undefined || model === undefined || version === undefined) {
    throw new RepvggError(
      "E_USAGE",
      `${folder} is no run folder: its config.json does not say what trained. Give one that train or distill wrote.`,
    );
  }
  const { metrics, validation } = runFiles(folder);
  return {
    folder,
    name: basename(resolve(folder)),
    command,
    model,
    version,
    settings,
    history: (await readLines<EpochRecord>(metrics)) ?? [],
    status: await readStatus(folder),
    validation: (await readLines<ValidationDetails>(validation))?.[0],
    scalars: await readScalars(folder),
  };
}

/** One JSON value a line; undefined where there is no file. */
async function readLines<T>(file: string): Promise<T[] | undefined> {
  if (!(await exists(file))) return undefined;
  const lines = (await readFile(file, "utf8")).split("\n");
  return lines.flatMap((line, i) => {
    if (line.trim() === "") return [];
    try {
      return [JSON.parse(line) as T];
    } catch (cause) {
      throw new RepvggError("E_DATA", `${file} is damaged: line ${i + 1} is no JSON. Remove the line or the file.`, {
        cause,
      });
    }
  });
}
