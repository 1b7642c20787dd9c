import { createInterface } from "node:readline";
import { peakMemory } from "./peak-memory.ts";
import type { Measurement, WorkerReady } from "./runner.ts";

/** What a worker process does, again and again. */
export interface Work {
  run(): Promise<unknown>;
  /** That a run does; a measurement gives the mean time of one. @default 1 */
  readonly units?: number;
}

/** Work that needs no more words. */
export interface Repeatable extends Work {
  readonly description: string;
}

/** The whole life of a worker process: says that it is warm, and measures. */
export async function serveWork(work: Repeatable): Promise<never> {
  await work.run();
  say({ description: work.description, startMs: 0, logits: null });
  await answerMeasurements(work);
  process.exit();
}

/** Writes a measurement for each number of repetitions that it reads. */
export async function answerMeasurements(work: Work): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    await work.run(); // threads wake, caches fill
    say(await measure(work, Number(line)));
  }
}

async function measure(work: Work, times: number): Promise<Measurement> {
  const { units = 1 } = work;
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  for (let i = 0; i < times; i++) await work.run();
  const ms = (performance.now() - start) / (times * units);
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1000, peakBytes: peakMemory() };
}

export const say = (message: WorkerReady | Measurement) => process.stdout.write(`${JSON.stringify(message)}\n`);
