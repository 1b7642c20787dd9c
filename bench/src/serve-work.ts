import { createInterface } from "node:readline";
import { peakMemory } from "./peak-memory.ts";
import type { Measurement, WorkerReady } from "./runner.ts";

/** What a worker process does, again and again. */
export interface Repeatable {
  readonly description: string;
  /** @returns How many units it did, of which a measurement gives the mean time. */
  run(): Promise<number>;
}

/** Speaks as worker.ts does: says that it is warm, then a measurement for each number of repetitions that it reads. */
export async function serveWork(work: Repeatable): Promise<never> {
  await work.run();
  say({ description: work.description, startMs: 0, logits: null });
  for await (const line of createInterface({ input: process.stdin })) {
    await work.run(); // threads wake, caches fill
    say(await measure(work, Number(line)));
  }
  process.exit();
}

async function measure({ run }: Repeatable, times: number): Promise<Measurement> {
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  let units = 0;
  for (let i = 0; i < times; i++) units += await run();
  const ms = (performance.now() - start) / units;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1000, peakBytes: peakMemory() };
}

const say = (message: WorkerReady | Measurement) => process.stdout.write(`${JSON.stringify(message)}\n`);
