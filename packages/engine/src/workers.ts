import type { Worker } from "node:worker_threads";
import { RepvggError } from "@repvgg/core";
import { nodeModule } from "./node-module.ts";

/** Threads that run the engine's worker loop over a shared memory, numbered from 1. */
export class WorkerPool {
  readonly #workers: readonly Worker[];

  /**
   * Starts `count` threads, which takes Node longer than most of what the host does before they are needed.
   *
   * @throws {RepvggError} `E_UNSUPPORTED`: threads outside of Node.
   */
  constructor(count: number) {
    const threads = count > 0 ? nodeModule<typeof import("node:worker_threads")>("node:worker_threads") : undefined;
    if (count > 0 && !threads) {
      throw new RepvggError("E_UNSUPPORTED", "The engine has threads in Node only; use threads: 1 here.");
    }
    const url = new URL("./worker.js", import.meta.url);
    // Of the process's own options, --input-type of `node -e` would end a thread that runs a file.
    this.#workers = Array.from({ length: count }, () => new threads!.Worker(url, { execArgv: [] }));
  }

  get count(): number {
    return this.#workers.length;
  }

  /** Gives the threads their memory; resolves when all of them wait for work. */
  async attach(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<void> {
    const ready = this.#workers.map(
      (worker) =>
        new Promise<void>((resolve, reject) => {
          worker.once("message", () => resolve());
          worker.once("error", reject);
        }),
    );
    for (const [i, worker] of this.#workers.entries()) worker.postMessage({ module, memory, thread: i + 1 });
    await Promise.all(ready);
    for (const worker of this.#workers) worker.unref(); // an idle pool does not keep the process alive
  }

  /** Ends the threads; those that work have been told to stop. */
  terminate(): void {
    for (const worker of this.#workers) void worker.terminate();
  }
}

/** What `use` makes of a pool of `count` threads; the pool ends if it fails. */
export async function withWorkers<T>(count: number, use: (workers: WorkerPool) => Promise<T>): Promise<T> {
  const workers = new WorkerPool(count);
  try {
    return await use(workers);
  } catch (error) {
    workers.terminate();
    throw error;
  }
}
