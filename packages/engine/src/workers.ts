import { RepvggError } from "@repvgg/core";
import { nodeModule } from "./node-module.ts";

/** Threads that run the engine's worker loop over a shared memory. */
export interface WorkerPool {
  /** Ends the threads; the caller has told their loops to stop. */
  terminate(): void;
}

const NO_WORKERS: WorkerPool = { terminate: () => {} };

/**
 * Starts `count` threads, numbered from 1, before it returns; resolves when all of them wait for work.
 *
 * @throws {RepvggError} `E_UNSUPPORTED`: threads outside of Node.
 */
export async function startWorkers(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  count: number,
): Promise<WorkerPool> {
  if (count <= 0) return NO_WORKERS;
  const threads = nodeModule<typeof import("node:worker_threads")>("node:worker_threads");
  if (!threads) throw new RepvggError("E_UNSUPPORTED", "The engine has threads in Node only; use threads: 1 here.");
  const workers = Array.from({ length: count }, (_, i) => {
    const worker = new threads.Worker(new URL("./worker.js", import.meta.url), {
      workerData: { module, memory, thread: i + 1 },
    });
    worker.unref(); // an idle pool does not keep the process alive
    return worker;
  });
  const ready = workers.map(
    (worker) =>
      new Promise<void>((resolve, reject) => {
        worker.once("message", () => resolve());
        worker.once("error", reject);
      }),
  );
  await Promise.all(ready);
  return {
    terminate() {
      for (const worker of workers) void worker.terminate();
    },
  };
}
