import { randomBytes } from "node:crypto";
import { access, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { removeAtEnd, writeFileAtomically } from "@repvgg/checkpoint/node";
import { RepvggError } from "@repvgg/core";
import { makeFolder } from "@repvgg/data/node";
import type { EpochRecord } from "@repvgg/distill";

const MOST_NUMBERS = 10000;

/** The files of a run. */
export function runFiles(folder: string) {
  return {
    config: join(folder, "config.json"),
    metrics: join(folder, "metrics.jsonl"),
    results: join(folder, "results.csv"),
    status: join(folder, "status.json"),
    validation: join(folder, "validation.json"),
    report: join(folder, "report.html"),
    last: join(folder, "last.safetensors"),
    lastEma: join(folder, "last-ema.safetensors"),
    best: join(folder, "best.safetensors"),
    resumeFolder: join(folder, "resume"),
  };
}

/**
 * Makes a new run folder: `wanted`, or with the next free number. An existing one is never written to, unless it is empty.
 *
 * It gets its name when it is complete: whoever finds a run folder, after a kill at any moment, can continue the run.
 *
 * @param fill Writes what belongs into it from the beginning.
 * @throws {RepvggError} `E_USAGE`: no folder can be made there.
 */
export async function createRunFolder(wanted: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const unnamed = join(dirname(wanted), `.${basename(wanted)}-${randomBytes(6).toString("hex")}`);
  const keep = removeAtEnd(unnamed); // A second Ctrl-C ends the process at once.
  try {
    await allowed(wanted, () => makeFolder(unnamed));
    await fill(unnamed);
    for (let number = 1; number <= MOST_NUMBERS; number++) {
      const folder = number === 1 ? wanted : `${wanted}-${number}`;
      if (await allowed(wanted, () => takeName(unnamed, folder))) return folder;
    }
  } finally {
    // Nothing where it has got its name; where it could not even be made, that is the failure to report.
    await rm(unnamed, { recursive: true, force: true }).catch(() => {});
    keep();
  }
  throw new RepvggError("E_USAGE", `${wanted} and its first ${MOST_NUMBERS} numbers are taken. Choose another --out.`);
}

async function allowed<T>(wanted: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new RepvggError("E_USAGE", `No run folder can be made at ${wanted}: ${reason}. Choose another --out.`, {
      cause,
    });
  }
}

/** Whether the name was free; looking and taking are one step, so two runs that start together get two folders. */
async function takeName(unnamed: string, folder: string): Promise<boolean> {
  try {
    await rename(unnamed, folder);
    return true;
  } catch (error) {
    if (await exists(folder)) return false;
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
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? "it has no config.json" : message;
    throw new RepvggError("E_USAGE", `${folder} is no run folder: ${reason}. Give one that train or distill wrote.`, {
      cause,
    });
  }
}

/** Writes the whole history: a resumed run leaves the same files as one that was never stopped. */
export async function writeHistory(folder: string, history: readonly EpochRecord[]): Promise<void> {
  const { metrics, results } = runFiles(folder);
  await writeFileAtomically(metrics, history.map((record) => `${JSON.stringify(record)}\n`).join(""));
  await writeFileAtomically(results, resultsCsv(history));
}

/** One row an epoch, all splits beside each other: those of the average of the weights only where there is one. */
export function resultsCsv(history: readonly EpochRecord[]): string {
  const hasAverage = history.some(({ split }) => split === "ema");
  const splits: EpochRecord["split"][] = ["train", "val", ...(hasAverage ? (["ema"] as const) : [])];
  const figures = splits.flatMap((split) => [`${split}Loss`, `${split}Top1`, `${split}Top5`]);
  const rows = history
    .filter(({ split }) => split === "train")
    .map(({ epoch, lr, imagesPerSecond, seconds }) => {
      const judged = splits.flatMap((split): (number | string)[] => {
        const record = history.find((one) => one.epoch === epoch && one.split === split);
        return record ? [record.loss, record.top1, record.top5] : ["", "", ""];
      });
      return [epoch, lr, ...judged, imagesPerSecond, seconds].join(",");
    });
  return `${[["epoch", "lr", ...figures, "imagesPerSecond", "seconds"].join(","), ...rows].join("\n")}\n`;
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
