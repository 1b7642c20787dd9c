import { RepvggError } from "@repvgg/core";
import type { Batch, BatchSource } from "./batch-source.ts";

/** A batch as one makes it oneself; `indices` are needed where a teacher's cached answers are looked up. */
export type GivenBatch = Omit<Batch, "indices"> & Partial<Pick<Batch, "indices">>;

type AnyIterable = AsyncIterable<GivenBatch> | Iterable<GivenBatch>;

/**
 * Batches from anything that gives some:
 *
 * - a function, which is called for each epoch (a generator function, for instance);
 * - a list, or another iterable that can be gone through again: the same batches in each epoch;
 * - a generator that is running: each epoch takes the next ones.
 *
 * A training that is resumed goes over those that were done; equal trainings need equal batches.
 *
 *     batchesOf(async function* (epoch) { yield { images, labels }; }, { batchesPerEpoch: 100 })
 *
 * @param options.batchesPerEpoch What the schedule counts with; of a list its length.
 * @throws {RepvggError} `E_USAGE`: `batchesPerEpoch` is missing, or no whole number above 0.
 */
export function batchesOf(
  batches: AnyIterable | ((epoch: number) => AnyIterable),
  options: { batchesPerEpoch?: number } = {},
): BatchSource {
  const { batchesPerEpoch = Array.isArray(batches) ? batches.length : undefined } = options;
  if (batchesPerEpoch === undefined || !Number.isInteger(batchesPerEpoch) || batchesPerEpoch < 1) {
    throw new RepvggError(
      "E_USAGE",
      `batchesPerEpoch must be a whole number, 1 or more, got ${batchesPerEpoch}: a schedule needs to know how long an epoch is.`,
    );
  }
  const dataset = { length: batchesPerEpoch }; // At least one image each; labels are checked batch by batch.
  if (isRunning(batches)) return { batchesPerEpoch, dataset, batches: stream(batches, batchesPerEpoch) };
  const ofEpoch = typeof batches === "function" ? batches : () => batches;
  return {
    batchesPerEpoch,
    dataset,
    async *batches(epoch, startBatch = 0) {
      let at = 0;
      for await (const batch of ofEpoch(epoch)) {
        if (at === batchesPerEpoch) return;
        if (at++ >= startBatch) yield complete(batch);
      }
    },
  };
}

/** Whether it is an iterator already, which can be gone through once. */
function isRunning(batches: AnyIterable | ((epoch: number) => AnyIterable)): batches is AnyIterable {
  if (typeof batches === "function") return false;
  if (Symbol.asyncIterator in batches) return (batches[Symbol.asyncIterator]() as unknown) === batches;
  return (batches[Symbol.iterator]() as unknown) === batches;
}

/** Takes batches one after the other, and remembers the last: it is asked for twice where it was only looked at. */
function stream(batches: AnyIterable, batchesPerEpoch: number): BatchSource["batches"] {
  const iterator = Symbol.asyncIterator in batches ? batches[Symbol.asyncIterator]() : batches[Symbol.iterator]();
  let [taken, last]: [number, GivenBatch | undefined] = [0, undefined];
  return async function* (epoch, startBatch = 0) {
    for (let at = epoch * batchesPerEpoch + startBatch; at < (epoch + 1) * batchesPerEpoch; at++) {
      if (at < taken - 1) throw goneError(at);
      while (taken <= at) {
        const next = await iterator.next();
        if (next.done) return;
        last = next.value;
        taken++;
      }
      yield complete(last!);
    }
  };
}

const goneError = (at: number) =>
  new RepvggError(
    "E_DATA",
    `Batch ${at + 1} is gone: a generator gives each batch once. Give the function that makes the generator.`,
  );

/** No image of a data set has the index −1. */
const complete = (batch: GivenBatch): Batch => ({ ...batch, indices: batch.indices ?? batch.labels.map(() => -1) });
