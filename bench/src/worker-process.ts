import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { layerPlan } from "@repvgg/core";
import type { Measurement, WorkerReady, WorkerRequest } from "./runner.ts";

/** From the sources or from the build, as this file is. */
const NODE_WORKER = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "worker.ts" : "worker.js", import.meta.url),
);
const PYTHON_WORKER = fileURLToPath(new URL("../src/pytorch_worker.py", import.meta.url));

/** Characters of what a process complains of that are kept, to show its last sentence as the reason. */
const MOST_COMPLAINTS = 4000;
/** A process that says nothing for so long will not, and is ended. */
const PATIENCE_MS = 240_000;

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

  /** Starts a worker and warms it up; a string says why the peer leaves the case out, a crash of its library too. */
  static async start(request: WorkerRequest, { node, python }: Interpreters): Promise<WorkerProcess | string> {
    if (request.peer === "pytorch" && !python) return "no Python with torch; REPVGG_PYTHON names another Python";
    const [command, args] =
      request.peer === "pytorch"
        ? [python!, [PYTHON_WORKER, pythonRequest(request)]]
        : [node, nodeArguments(NODE_WORKER, request)];
    return WorkerProcess.open(command, args);
  }

  /** The same for any program that speaks as worker.ts does. */
  static async open(command: string, args: readonly string[]): Promise<WorkerProcess | string> {
    const child = spawn(command, args, { stdio: "pipe" });
    child.stdin.on("error", () => {}); // a process that is gone reads no more: its end says so
    const answer = answersOf(child);
    try {
      const ready = (await answer()) as WorkerReady;
      return "absent" in ready ? ready.absent : new WorkerProcess(child, answer, ready);
    } catch (error) {
      if (error instanceof WorkerEnded) return error.message;
      throw error;
    }
  }

  /** @throws {WorkerEnded} The process ended instead, or its library failed. */
  async measure(times: number): Promise<Measurement> {
    this.#child.stdin!.write(`${times}\n`);
    const answer = (await this.#answer()) as Measurement | Extract<WorkerReady, { absent: string }>;
    if ("absent" in answer) throw new WorkerEnded(answer.absent);
    return answer;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = new Promise((resolve) => this.#child.once("close", resolve));
    this.#child.stdin!.end();
    await closed;
  }
}

/** A worker process ended, or could not be started, where an answer was due. */
export class WorkerEnded extends Error {}

/** @param program A source or what was built of it. */
export const nodeArguments = (program: string, request: unknown) => [
  ...(program.endsWith(".ts") ? ["--conditions=@repvgg/source"] : []),
  program,
  JSON.stringify(request),
];

/** PyTorch is told the layers, as it does not know our plans. */
function pythonRequest({ work, threads }: WorkerRequest): string {
  const { spec, form, imageSize, batchSize } = work;
  const { blocks, classifier } = layerPlan(spec, [imageSize, imageSize]);
  const { inputChannels } = spec;
  return JSON.stringify({ work: work.work, form, threads, batchSize, imageSize, inputChannels, blocks, classifier });
}

/** The objects that the process writes, a line each; a {@link WorkerEnded} when it ends instead. */
function answersOf(child: ChildProcessWithoutNullStreams): () => Promise<unknown> {
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints = (complaints + text).slice(-MOST_COMPLAINTS);
  });
  const end = new Promise<string>((resolve) => {
    child.once("error", ({ message }) => resolve(`the process did not start: ${message}`));
    child.once("close", (code, signal) => {
      const how = signal ? `signal ${signal}` : `exit code ${code}`;
      const why = complaints.split("\n").findLast((line) => /^\S/.test(line) && !line.startsWith("Node.js v"));
      resolve(`the process ended with ${how}${why ? `: ${why}` : ""}`);
    });
  });
  return async () => {
    const limit = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
    const { value, done } = await lines.next().finally(() => clearTimeout(limit));
    if (done) throw new WorkerEnded(await end);
    return JSON.parse(value);
  };
}
