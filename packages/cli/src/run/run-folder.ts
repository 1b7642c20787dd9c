import { access, mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeFileAtomically } from "@repvgg/checkpoint/node";
import { RepvggError } from "@repvgg/core";
import type { EpochRecord } from "@repvgg/distill";

const MOST_NUMBERS = 10000;

/** The files of a run. */
export function runFiles(folder: string) {
  return {
    config: join(folder, "config.json"),
    metrics: join(folder, "metrics.jsonl"),
    results: join(folder, "results.csv"),
    last: join(folder, "last.safetensors"),
    lastEma: join(folder, "last-ema.safetensors"),
    best: join(folder, "best.safetensors"),
    resumeFolder: join(folder, "resume"),
    resume: join(folder, "resume", "state.safetensors"),
  };
}

/**
 * Makes a new run folder: `wanted`, or with the next free number. An existing one is never written to.
 *
 * @throws {RepvggError} `E_USAGE`: no folder can be made there.
 */
export async function createRunFolder(wanted: string): Promise<string> {
  try {
    await mkdir(dirname(wanted), { recursive: true });
    for (let number = 1; number <= MOST_NUMBERS; number++) {
      const folder = number === 1 ? wanted : `${wanted}-${number}`;
      if (await makeFolder(folder)) return folder;
    }
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new RepvggError("E_USAGE", `No run folder can be made at ${wanted}: ${reason}. Choose another --out.`, {
      cause,
    });
  }
  throw new RepvggError("E_USAGE", `${wanted} and its first ${MOST_NUMBERS} numbers are taken. Choose another --out.`);
}

/** Whether it is new; making and looking are one step, so two runs that start together get two folders. */
async function makeFolder(folder: string): Promise<boolean> {
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

export async function writeConfig(folder: string, config: object): Promise<void> {
  await writeFileAtomically(runFiles(folder).config, `${JSON.stringify(config, undefined, 2)}\n`);
}

/** @throws {RepvggError} `E_USAGE`: the folder is none that a run wrote. */
export async function readRunConfig(folder: string): Promise<Record<string, unknown>> {
  const { config } = runFiles(folder);
  try {
    return JSON.parse(await readFile(config, "utf8"));
  } catch (cause) {
    throw new RepvggError(
      "E_USAGE",
      `${folder} is no run that can be continued: ${(cause as Error).message}. Give the folder that train or distill named.`,
      { cause },
    );
  }
}

/** Writes the whole history: a resumed run leaves the same files as one that was never stopped. */
export async function writeHistory(folder: string, history: readonly EpochRecord[]): Promise<void> {
  const { metrics, results } = runFiles(folder);
  await writeFileAtomically(metrics, history.map((record) => `${JSON.stringify(record)}\n`).join(""));
  await writeFileAtomically(results, resultsCsv(history));
}

/** One row an epoch, both splits beside each other. */
export function resultsCsv(history: readonly EpochRecord[]): string {
  const columns = "epoch,lr,trainLoss,trainTop1,trainTop5,valLoss,valTop1,valTop5,imagesPerSecond,seconds";
  const rows = history
    .filter(({ split }) => split === "train")
    .map((train) => {
      const val = history.find(({ epoch, split }) => epoch === train.epoch && split === "val");
      const validation = val ? [val.loss, val.top1, val.top5] : ["", "", ""];
      const { epoch, lr, loss, top1, top5, imagesPerSecond, seconds } = train;
      return [epoch, lr, loss, top1, top5, ...validation, imagesPerSecond, seconds].join(",");
    });
  return `${[columns, ...rows].join("\n")}\n`;
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
