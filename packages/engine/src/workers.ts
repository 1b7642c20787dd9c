import type { Worker } from "node:worker_threads";
import { RepvggError } from "@repvgg/core";
import { nodeModule } from "./node-module.ts";

interface Thread {
  readonly worker: Worker;
  /** When it waits for work. */
  readonly ready: Promise<void>;
}

function start(Worker: typeof import("node:worker_threads").Worker, url: URL): Thread {
  // Of the process's own options, --input-type of `node -e` would end a thread that runs a file.
  const worker = new Worker(url, { execArgv: [] });
  const ready = new Promise<void>((resolve, reject) => {
    worker.once("message", () => resolve());
    worker.once("error", reject);
  });
  ready.catch(() => {}); // until somebody waits for it
  return { worker, ready };
}

/** Threads that run the engine's worker loop over a shared memory, numbered from 1. */
export class WorkerPool {
  readonly #threads: readonly Thread[];

  /**
   * Starts `count` threads, which takes Node longer than most of what the host does before they are needed.
   *
   * @throws {RepvggError} `E_UNSUPPORTED`: threads outside of Node.
   */
  constructor(count: number) {
    const threads = count > 0 ? workerThreads() : undefined;
    if (count > 0 && !threads) {
      throw new RepvggError("E_UNSUPPORTED", "The engine has threads in Node only; use threads: 1 here.");
    }
    const url = new URL("./worker.js", import.meta.url);
    this.#threads = Array.from({ length: count }, () => start(threads!.Worker, url));
  }

  get count(): number {
    return this.#threads.length;
  }

  /** Lets the process end although the threads have no memory yet. */
  unref(): void {
    for (const { worker } of this.#threads) worker.unref();
  }

  /** Gives the threads their memory; resolves when all of them wait for work. */
  async attach(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<void> {
    for (const [i, { worker }] of this.#threads.entries()) {
      worker.ref();
      worker.postMessage({ module, memory, thread: i + 1 });
    }
    await Promise.all(this.#threads.map(({ ready }) => ready));
    this.unref(); // an idle pool does not keep the process alive
  }

  /** Ends the threads; those that work have been told to stop. */
  terminate(): void {
    for (const { worker } of this.#threads) void worker.terminate();
  }
}

const workerThreads = () => nodeModule<typeof import("node:worker_threads")>("node:worker_threads");

/** Pools that no network has taken yet. */
const spare = new Set<WorkerPool>();

/**
 * Starts the threads of the next network before it is made: they come up while its weights are read.
 *
 *     using threads = startThreads(2);
 *     const { spec, form, state } = await loadCheckpoint("a0.safetensors");
 *     const network = await createInferenceNetwork({ spec, form, state, imageSize: [224, 224], threads: 2 });
 *
 * They do not keep the process alive. Outside of Node, which has none, nothing happens.
 *
 * @param threads As the network will have, the calling one included.
 * @returns What ends them, unless a network has taken them, which then does when it is disposed.
 */
export function startThreads(threads: number): Disposable {
  if (threads <= 1 || !workerThreads()) return { [Symbol.dispose]: () => {} };
  const pool = new WorkerPool(threads - 1);
  pool.unref();
  spare.add(pool);
  return {
    [Symbol.dispose]: () => {
      if (spare.delete(pool)) pool.terminate();
    },
  };
}

/** Threads that wait, if there are as many, or new ones. */
function takePool(count: number): WorkerPool {
  for (const pool of spare) {
    if (pool.count !== count) continue;
    spare.delete(pool);
    return pool;
  }
  return new WorkerPool(count);
}

/** What `use` makes of a pool of `count` threads; the pool ends if it fails. */
export async function withWorkers<T>(count: number, use: (workers: WorkerPool) => Promise<T>): Promise<T> {
  const workers = takePool(count);
  try {
    return await use(workers);
  } catch (error) {
    workers.terminate();
    throw error;
  }
}
