import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { layerPlan } from "@repvgg/core";
import type { Measurement, WorkerReady, WorkerRequest } from "./runner.ts";

/** From the sources or from the build, as this file is. */
const NODE_WORKER = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "worker.ts" : "worker.js", import.meta.url),
);
const PYTHON_WORKER = fileURLToPath(new URL("../src/pytorch_worker.py", import.meta.url));

/** What runs the workers. */
export interface Interpreters {
  readonly node: string;
  /** Undefined where there is no Python with torch. */
  readonly python: string | undefined;
}

/** The Python that REPVGG_PYTHON names, or python3, if it has torch. */
export function findPython(): string | undefined {
  const python = process.env.REPVGG_PYTHON ?? "python3";
  return spawnSync(python, ["-c", "import torch"]).status === 0 ? python : undefined;
}

/** A worker process: measures when asked to, and waits without using a core otherwise. */
export class WorkerProcess {
  readonly ready: Extract<WorkerReady, { description: string }>;
  readonly #child: ChildProcess;
  readonly #answer: () => Promise<unknown>;

  private constructor(child: ChildProcess, answer: () => Promise<unknown>, ready: WorkerProcess["ready"]) {
    this.#child = child;
    this.#answer = answer;
    this.ready = ready;
  }

  /** Starts a worker and warms it up; a string says why the peer leaves the case out. */
  static async start(request: WorkerRequest, { node, python }: Interpreters): Promise<WorkerProcess | string> {
    if (request.peer === "pytorch" && !python) return "no Python with torch; REPVGG_PYTHON names another Python";
    const [command, args] =
      request.peer === "pytorch" ? [python!, [PYTHON_WORKER, pythonRequest(request)]] : [node, nodeArguments(request)];
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    const answer = answersOf(child);
    const ready = (await answer()) as WorkerReady;
    if ("absent" in ready) return ready.absent;
    return new WorkerProcess(child, answer, ready);
  }

  measure(times: number): Promise<Measurement> {
    this.#child.stdin!.write(`${times}\n`);
    return this.#answer() as Promise<Measurement>;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.stdin!.end();
    await closed;
  }
}

const nodeArguments = (request: WorkerRequest) => [
  ...(existsSync(NODE_WORKER) && NODE_WORKER.endsWith(".ts") ? ["--conditions=@repvgg/source"] : []),
  NODE_WORKER,
  JSON.stringify(request),
];

/** PyTorch is told the layers, as it does not know our plans. */
function pythonRequest({ work, threads }: WorkerRequest): string {
  const { spec, form, imageSize, batchSize } = work;
  const { blocks, classifier } = layerPlan(spec, [imageSize, imageSize]);
  const { inputChannels } = spec;
  return JSON.stringify({ work: work.work, form, threads, batchSize, imageSize, inputChannels, blocks, classifier });
}

/** The objects that the process writes, a line each; an error when it ends instead. */
function answersOf(child: ChildProcess): () => Promise<unknown> {
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("A worker process ended; its message is above.");
    return JSON.parse(value);
  };
}
