import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { loadCheckpoint, loadTensors, saveCheckpoint, saveTensors, writeFileAtomically } from "@repvgg/checkpoint/node";
import { type NdArray, type RepVggSpec, RepvggError, type StateDict } from "@repvgg/core";
import { MNIST_CLASSES, MNIST_PREPROCESSING } from "@repvgg/data";
import { makeFolder } from "@repvgg/data/node";
import type { TrainerProgress } from "@repvgg/distill";
import type { TrainingRecord } from "./result.ts";
import type { CurveState } from "./stages/curve-recorder.ts";
import type { UnfinishedTraining } from "./stages/train-network.ts";

interface RunFile {
  readonly version: 1;
  /** What the run computes: only a run with the same can continue it. */
  readonly key: string;
  readonly finished: boolean;
}

interface UnfinishedFile {
  readonly progress: TrainerProgress;
  readonly curve: CurveState;
  /** Name of the file of the tensors that belong to this progress. */
  readonly tensors: string;
}

/** A numbered folder with all that a run has done so far; what is in it is complete at any moment. */
export class RunFolder {
  readonly path: string;
  readonly #key: string;

  constructor(path: string, key: string) {
    this.path = path;
    this.#key = key;
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** A training that this run finished earlier. */
  async finishedTraining(name: string): Promise<{ record: TrainingRecord; state: StateDict } | undefined> {
    const record = await readJson<TrainingRecord>(this.#stage(`${name}.json`));
    if (record === undefined) return undefined;
    const { state } = await loadCheckpoint(this.#stage(`${name}.safetensors`));
    return { record, state };
  }

  async finishTraining(name: string, spec: RepVggSpec, record: TrainingRecord, state: StateDict): Promise<void> {
    await this.saveNetwork(join("stages", `${name}.safetensors`), spec, "train", state);
    await writeJson(this.#stage(`${name}.json`), record); // last: its presence says that the weights are there
    await this.#removeUnfinished(name);
  }

  /** Where a training of this run was stopped. */
  async unfinishedTraining(name: string): Promise<UnfinishedTraining | undefined> {
    const found = await readJson<UnfinishedFile>(this.#stage(`${name}.unfinished.json`));
    if (found === undefined) return undefined;
    const { tensors } = await loadTensors(this.#stage(found.tensors));
    const part = (prefix: string): Map<string, NdArray> =>
      new Map(
        [...tensors].flatMap(([key, value]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [])),
      );
    const trainer = { progress: found.progress, network: part("network/"), optimizer: part("optimizer/") };
    return { trainer, curve: found.curve };
  }

  async saveUnfinished(name: string, { trainer, curve }: UnfinishedTraining): Promise<void> {
    const { progress, network, optimizer } = trainer;
    const tensors = `${name}.unfinished-${progress.epoch}-${progress.batch}.safetensors`;
    const prefixed = (prefix: string, entries: ReadonlyMap<string, NdArray>) =>
      [...entries].map(([key, value]) => [prefix + key, value] as const);
    await saveTensors(
      this.#stage(tensors),
      new Map([...prefixed("network/", network), ...prefixed("optimizer/", optimizer)]),
    );
    const before = await readJson<UnfinishedFile>(this.#stage(`${name}.unfinished.json`));
    const now: UnfinishedFile = { progress, curve, tensors };
    await writeJson(this.#stage(`${name}.unfinished.json`), now);
    if (before && before.tensors !== tensors) await rm(this.#stage(before.tensors), { force: true });
  }

  async saveNetwork(name: string, spec: RepVggSpec, form: "train" | "deploy", state: StateDict): Promise<void> {
    await saveCheckpoint(this.file(name), {
      spec,
      form,
      state,
      classes: [...MNIST_CLASSES],
      preprocessing: MNIST_PREPROCESSING,
    });
  }

  async finish(): Promise<void> {
    await writeJson(this.file("run.json"), { version: 1, key: this.#key, finished: true } satisfies RunFile);
  }

  #stage(name: string): string {
    return join(this.path, "stages", name);
  }

  async #removeUnfinished(name: string): Promise<void> {
    const file = this.#stage(`${name}.unfinished.json`);
    const found = await readJson<UnfinishedFile>(file);
    await rm(file, { force: true });
    if (found) await rm(this.#stage(found.tensors), { force: true });
  }
}

/**
 * The folder that a run works in: that of the last run if it was stopped and computes the same, else the next number.
 *
 * @param options.key What the run computes.
 * @param options.shown How a path is written in the decision.
 * @returns Also what was decided and why, to be told.
 * @throws {RepvggError} `E_USAGE`: the folder cannot be made.
 */
export async function openRunFolder(
  out: string,
  { key, fresh, shown = (path) => path }: { key: string; fresh: boolean; shown?: (path: string) => string },
): Promise<{ folder: RunFolder; decision: string }> {
  const numbers = await existingRuns(out);
  const last = numbers.at(-1);
  const lastFile = last === undefined ? undefined : await readJson<RunFile>(join(out, String(last), "run.json"));
  const lastPath = join(out, String(last));
  if (lastFile && !lastFile.finished && lastFile.key === key && !fresh) {
    const decision = `Continuing ${shown(lastPath)}, which was stopped (--fresh starts anew).`;
    return { folder: new RunFolder(lastPath, key), decision };
  }
  const path = join(out, String((last ?? 0) + 1));
  try {
    await makeFolder(join(path, "stages"));
    await writeJson(join(path, "run.json"), { version: 1, key, finished: false } satisfies RunFile);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new RepvggError("E_USAGE", `The run's folder ${path} cannot be made: ${why}. Give another one with --out.`, {
      cause,
    });
  }
  return {
    folder: new RunFolder(path, key),
    decision: `Starting anew in ${shown(path)}${reason(lastFile, shown(lastPath), fresh)}.`,
  };
}

function reason(last: RunFile | undefined, path: string, fresh: boolean): string {
  if (last === undefined) return "";
  if (last.finished) return `; ${path} is finished`;
  return fresh ? `, as asked; ${path} stays unfinished` : `; the unfinished run in ${path} has other settings`;
}

async function existingRuns(out: string): Promise<number[]> {
  try {
    const names = await readdir(out);
    return names
      .filter((name) => /^[1-9]\d*$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  } catch {
    return []; // made with the first run; if it cannot be, that is where it is told
  }
}

async function readJson<T>(file: string): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new RepvggError("E_STATE", `${file} is damaged. Start anew with --fresh.`, { cause });
  }
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFileAtomically(file, `${JSON.stringify(value, null, 1)}\n`);
}
