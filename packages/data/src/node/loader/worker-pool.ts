import { Worker } from "node:worker_threads";
import { RepvggError } from "@repvgg/core";
import { ImageReader } from "./image-reader.ts";
import type { ReaderOptions, Task, TaskResult } from "./task.ts";

/** What a thread is sent, and what it answers. */
export interface Question {
  readonly id: number;
  readonly task: Task;
}
export type Answer = { readonly id: number } & (
  | { readonly result: TaskResult }
  | { readonly message: string }
  /** It was stopped before it began. */
  | { readonly dropped: true }
);

/** Runs tasks somewhere. */
export interface TaskPool {
  /**
   * A task that is stopped before it begins is dropped.
   *
   * @throws {RepvggError} `E_DATA`: the image is bad; {@link WorkerDeath}.
   */
  run(task: Task): Promise<TaskResult>;
  close(): Promise<void>;
}

/** The thread that held an image ended. */
export class WorkerDeath extends RepvggError {
  constructor(worker: number, image: string, why: string) {
    super("E_DATA", `Worker ${worker} of the loader ended (${why}) while it held the image ${image}.`);
  }
}

/** A task that waits or runs. */
interface Job extends Question {
  resolve(result: TaskResult): void;
  reject(error: Error): void;
}

interface Thread {
  readonly number: number;
  readonly worker: Worker;
  /** The first runs, the others wait in the thread. */
  readonly jobs: Job[];
  ready: boolean;
  /** Somebody waits for its end, and the process with them. */
  isEnding?: boolean;
  error?: Error;
}

/** A thread makes little but pixels, whose memory is free only after a collection; by itself V8 would let much of it pile up. */
const YOUNG_GENERATION_MB = 4;

/** Threads that read and decode. They start with the first task, and keep the process alive only while they work. */
export class WorkerPool implements TaskPool {
  readonly #options: ReaderOptions;
  readonly #threads: Thread[] = [];
  readonly #waiting: Job[] = [];
  readonly #count: number;
  readonly #depth: number;
  #nextId = 0;
  #closed = false;

  /**
   * @param jobs How many are run at once at most. They all wait in the threads, evenly: the main thread, which would hand them
   *   out, is away for as long as a training step takes.
   */
  constructor(options: ReaderOptions, count: number, jobs: number) {
    this.#options = options;
    this.#count = count;
    this.#depth = Math.ceil(jobs / count);
  }

  /** The image that each thread works on, by its number. */
  get holding(): readonly { readonly worker: number; readonly threadId: number; readonly image: string | undefined }[] {
    return this.#threads.map(({ number, worker, jobs }) => ({
      worker: number,
      threadId: worker.threadId,
      image: jobs[0]?.task.sample.name,
    }));
  }

  run(task: Task): Promise<TaskResult> {
    if (this.#closed) return Promise.reject(closedError());
    while (this.#threads.length < this.#count) this.#threads.push(this.#start(this.#threads.length));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id: this.#nextId++, task, resolve, reject });
      this.#dealOut();
    });
  }

  /** Ends a thread, as a crash would. @returns false: there is none of this number. */
  async terminate(number: number): Promise<boolean> {
    const thread = this.#threads[number];
    if (thread) thread.isEnding = true;
    await thread?.worker.terminate();
    return thread !== undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const jobs = [...this.#waiting.splice(0), ...this.#threads.flatMap((thread) => thread.jobs.splice(0))];
    for (const { reject } of jobs) reject(closedError());
    await Promise.all(this.#threads.splice(0).map(({ worker }) => worker.terminate()));
  }

  #start(number: number): Thread {
    // Without the process's own flags: not all of them are for threads.
    const resourceLimits = { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB };
    const worker = new Worker(workerUrl(), { workerData: this.#options, execArgv: [], resourceLimits });
    const thread: Thread = { number, worker, jobs: [], ready: false };
    worker.on("message", (message: "ready" | Answer) => {
      if (message === "ready") thread.ready = true;
      else this.#finish(thread, message);
    });
    worker.on("error", (error) => {
      thread.error = error;
    });
    worker.on("exit", (code) => this.#bury(thread, code));
    worker.unref();
    return thread;
  }

  #dealOut(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#threads.reduce((least, other) => (other.jobs.length < least.jobs.length ? other : least));
      if (thread.jobs.length >= this.#depth) return;
      this.#give(thread, this.#waiting.shift()!);
    }
  }

  #give(thread: Thread, job: Job): void {
    thread.jobs.push(job);
    thread.worker.ref();
    thread.worker.postMessage({ id: job.id, task: job.task } satisfies Question);
  }

  #finish(thread: Thread, answer: Answer): void {
    const job = thread.jobs.shift();
    if (job?.id !== answer.id) return; // The pool was closed.
    if ("result" in answer) job.resolve(answer.result);
    else if ("dropped" in answer) job.reject(closedError());
    else job.reject(new RepvggError("E_DATA", answer.message));
    this.#dealOut();
    if (thread.jobs.length === 0 && !thread.isEnding) thread.worker.unref();
  }

  /** A thread ended: its image is told, what waited behind it goes to others, and another thread takes its place. */
  #bury(thread: Thread, code: number): void {
    if (this.#threads[thread.number] !== thread) return;
    const why = thread.error?.message ?? `exit code ${code}`;
    if (!thread.ready && thread.error) {
      const error = new RepvggError("E_DATA", `A worker of the loader cannot start: ${why}.`, { cause: thread.error });
      for (const { reject } of [...thread.jobs.splice(0), ...this.#waiting.splice(0)]) reject(error);
      this.#threads.splice(0, this.#threads.length);
      return;
    }
    const [held, ...behind] = thread.jobs.splice(0);
    this.#threads[thread.number] = this.#start(thread.number);
    this.#waiting.unshift(...behind);
    held?.reject(new WorkerDeath(thread.number, held.task.sample.name, why));
    this.#dealOut();
  }
}

/** The same without threads: one task after the other, between the turns of the event loop. */
export class InlinePool implements TaskPool {
  readonly #reader: Promise<ImageReader>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ReaderOptions) {
    this.#reader = ImageReader.open(options);
    this.#reader.catch(() => {}); // It is reported by the first task.
  }

  run(task: Task): Promise<TaskResult> {
    const result = this.#last.then(async () => {
      if (task.stopped[0] !== 0) throw closedError();
      return (await this.#reader).read(task);
    });
    this.#last = result.catch(() => {});
    return result;
  }

  async close(): Promise<void> {}
}

const closedError = () =>
  new RepvggError("E_DISPOSED", "The loader was closed, or nobody waits for this batch any more.");

/** Sources run as they are where Node can read them; else what was built of them. */
function workerUrl(): URL {
  const isSource = import.meta.url.endsWith(".ts");
  if (!isSource) return new URL("./decode-worker.js", import.meta.url);
  return "typescript" in process.features && process.features.typescript
    ? new URL("./decode-worker.ts", import.meta.url)
    : new URL("../../../dist/node/loader/decode-worker.js", import.meta.url);
}
