/** Prepares photographs, in a process of its own; speaks as ../worker.ts does. */
import { readFileSync } from "node:fs";
import { IMAGENET_PREPROCESSING, resizeAndCropStep } from "@repvgg/data";
import { ImageLoader, preprocessImage } from "@repvgg/data/node";
import { type Repeatable, serveWork } from "../serve-work.ts";

/** What the process is asked for, as its only argument. */
interface DataRequest {
  readonly files: readonly string[];
  /** Absent: on the main thread, from memory. */
  readonly workers?: number;
}

const EPOCH_IMAGES = 320;
const BATCH_SIZE = 32;
const { files, workers } = JSON.parse(process.argv[2]!) as DataRequest;

function inMemory(): Repeatable {
  const all = files.map((file) => readFileSync(file));
  return {
    description: "@repvgg/data on the main thread, from memory",
    units: all.length,
    async run() {
      for (const [i, bytes] of all.entries()) await preprocessImage(bytes, files[i]!, IMAGENET_PREPROCESSING);
    },
  };
}

/** @returns Batches of one loader, whose epochs follow each other without a pause. */
async function withThreads(threads: number): Promise<Repeatable> {
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
  };
  await run();
  const [before, , after] = [mebibytes(), await run(), mebibytes()];
  const name = threads === 1 ? "1 worker" : `${threads} workers`;
  const description = `ImageLoader, ${name}; an epoch takes the process from ${before} to ${after} MiB`;
  return { description, run, units: EPOCH_IMAGES };
}

const mebibytes = () => Math.round(process.memoryUsage.rss() / 2 ** 20);

await serveWork(workers === undefined ? inMemory() : await withThreads(workers));
