/** Prepares photographs, in a process of its own; speaks as ../worker.ts does. */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { IMAGENET_PREPROCESSING, resizeAndCropStep } from "@repvgg/data";
import { ImageLoader, preprocessImage } from "@repvgg/data/node";
import { peakMemory } from "../peak-memory.ts";
import type { Measurement, WorkerReady } from "../runner.ts";

/** What the process is asked for, as its only argument. */
interface DataRequest {
  readonly files: readonly string[];
  /** Absent: on the main thread, from memory. */
  readonly workers?: number;
}

const EPOCH_IMAGES = 320;
const BATCH_SIZE = 32;
const { files, workers } = JSON.parse(process.argv[2]!) as DataRequest;

/** A way to prepare images, again and again. */
interface Preparation {
  readonly description: string;
  /** @returns How many images it prepared. */
  run(): Promise<number>;
}

function inMemory(): Preparation {
  const all = files.map((file) => readFileSync(file));
  return {
    description: "@repvgg/data on the main thread, from memory",
    async run() {
      for (const [i, bytes] of all.entries()) await preprocessImage(bytes, files[i]!, IMAGENET_PREPROCESSING);
      return all.length;
    },
  };
}

/** @returns Batches of one loader, whose epochs follow each other without a pause. */
async function withThreads(threads: number): Promise<Preparation> {
  const dataset = {
    length: EPOCH_IMAGES,
    classes: ["photograph"],
    label: () => 0,
    sample: (index: number) => ({ name: files[index % files.length]!, file: files[index % files.length]! }),
  };
  const [steps, preprocessing] = [[resizeAndCropStep(IMAGENET_PREPROCESSING)], IMAGENET_PREPROCESSING];
  const threaded = { workers: threads, reuseMemory: true }; // as training does
  const loader = new ImageLoader({ dataset, batchSize: BATCH_SIZE, steps, preprocessing, ...threaded });
  const run = async () => {
    for await (const _ of loader.batches(0));
    return EPOCH_IMAGES;
  };
  await run();
  const [before, , after] = [mebibytes(), await run(), mebibytes()];
  const name = threads === 1 ? "1 worker" : `${threads} workers`;
  return { description: `ImageLoader, ${name}; an epoch takes the process from ${before} to ${after} MiB`, run };
}

const mebibytes = () => Math.round(process.memoryUsage.rss() / 2 ** 20);

async function measure({ run }: Preparation, times: number): Promise<Measurement> {
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  let images = 0;
  for (let i = 0; i < times; i++) images += await run();
  const ms = (performance.now() - start) / images;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1000, peakBytes: peakMemory() };
}

const say = (message: WorkerReady | Measurement) => process.stdout.write(`${JSON.stringify(message)}\n`);

const preparation = workers === undefined ? inMemory() : await withThreads(workers);
await preparation.run();
say({ description: preparation.description, startMs: 0, logits: null });
for await (const line of createInterface({ input: process.stdin })) {
  await preparation.run(); // threads wake, caches fill
  say(await measure(preparation, Number(line)));
}
process.exit();
