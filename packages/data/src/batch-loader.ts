import { RepvggError } from "@repvgg/core";
import { type MixOptions, mixes } from "./batch-mix.ts";
import type { ImageDataset } from "./dataset.ts";
import { EpochStream } from "./epoch-stream.ts";
import { type Batch, finishBatch } from "./finish-batch.ts";
import { normalize } from "./normalize.ts";
import { permutation } from "./permutation.ts";
import type { Transform } from "./transform.ts";

export interface BatchLoaderOptions {
  dataset: ImageDataset;
  batchSize: number;
  /** Another order in each epoch; without it, the data set's own. @default false */
  shuffle?: boolean;
  /** Decides order and augmentation. @default 0 */
  seed?: number;
  /** From bytes to the network's input. @default bytes / 255 */
  transform?: Transform;
  /** Blends the images of each batch, after the transform. @default no blending */
  mix?: MixOptions;
  /** Leaves out a last batch of fewer images. @default false */
  dropLast?: boolean;
  /** How many batches are made ahead, between the consumer's turns. @default 1 */
  prefetch?: number;
}

export const BATCH_LOADER_DEFAULTS = { shuffle: false, seed: 0, dropLast: false, prefetch: 1, mix: {} } as const;

/** The indices of one batch. */
export function indicesOf(
  batch: number,
  { batchSize, length }: { batchSize: number; length: number },
  order?: Int32Array,
) {
  const start = batch * batchSize;
  const end = Math.min(start + batchSize, length);
  return order?.slice(start, end) ?? Int32Array.from({ length: end - start }, (_, k) => start + k);
}

/**
 * Batches of a data set, epoch after epoch.
 *
 * Every batch is a function of (seed, epoch, position) alone: `prefetch`, and where an epoch was begun, change nothing. This
 * is what makes a resumed training equal to an uninterrupted one.
 */
export class BatchLoader extends EpochStream {
  readonly dataset: ImageDataset;
  readonly batchSize: number;
  readonly batchesPerEpoch: number;
  readonly #options: Required<BatchLoaderOptions>;

  /** @throws {RepvggError} `E_DATA`: no images, a batch that is no whole number, a negative α, or (`dropLast`) larger than the data set. */
  constructor(options: BatchLoaderOptions) {
    super();
    const all = { ...BATCH_LOADER_DEFAULTS, transform: normalize({ mean: [0], std: [1] }), ...options };
    const { dataset, batchSize, dropLast } = all;
    checkOptions(all);
    this.#options = all;
    mixes(all.mix); // says so now if its numbers are no good
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.batchesPerEpoch = (dropLast ? Math.floor : Math.ceil)(dataset.length / batchSize);
  }

  /**
   * The batches of one epoch.
   *
   * @param startBatch The first one to give; those before it are not made.
   * @throws {RepvggError} `E_DATA`: `epoch` or `startBatch` is out of range; what the transform throws.
   */
  async *batches(epoch: number, startBatch = 0): AsyncGenerator<Batch, void, undefined> {
    this.checkPosition(epoch, startBatch);
    const { shuffle, seed, prefetch, dataset } = this.#options;
    const order = shuffle ? permutation(dataset.length, seed, epoch) : undefined;
    const make = (batch: number) => this.#make(epoch, batch, order);
    if (prefetch === 0) {
      for (let batch = startBatch; batch < this.batchesPerEpoch; batch++) yield make(batch);
      return;
    }
    const ahead: Promise<Batch>[] = [];
    const stopped = { value: false };
    try {
      for (let next = startBatch; ; ) {
        while (ahead.length <= prefetch && next < this.batchesPerEpoch) ahead.push(inOwnTurn(make, next++, stopped));
        const batch = ahead.shift();
        if (batch === undefined) return;
        yield await batch;
      }
    } finally {
      stopped.value = true;
    }
  }

  #make(epoch: number, batch: number, order: Int32Array | undefined): Batch {
    const { dataset, batchSize } = this.#options;
    const indices = indicesOf(batch, { batchSize, length: dataset.length }, order);
    const [height, width] = dataset.size;
    const imageBytes = height * width * dataset.channels;
    const data = new Uint8Array(indices.length * imageBytes);
    const labels = new Int32Array(indices.length);
    indices.forEach((index, k) => {
      data.set(dataset.image(index), k * imageBytes);
      labels[k] = dataset.label(index);
    });
    const images = { shape: [indices.length, height, width, dataset.channels], data } as const;
    return finishBatch({ epoch, batch, images, labels, indices }, this.#options);
  }
}

/** Makes a batch when the event loop comes round: while the consumer waits for its own work, or at the latest when it asks. */
function inOwnTurn(make: (batch: number) => Batch, batch: number, stopped: { value: boolean }): Promise<Batch> {
  const made = new Promise<Batch>((resolve, reject) => {
    nextTurn(() => {
      if (stopped.value) return;
      try {
        resolve(make(batch));
      } catch (error) {
        reject(error);
      }
    });
  });
  made.catch(() => {}); // It is reported to whoever takes this batch; a batch that nobody takes must not end the process.
  return made;
}

const nextTurn: (run: () => void) => void =
  typeof setImmediate === "function" ? (run) => void setImmediate(run) : (run) => void setTimeout(run, 0);

/** @throws {RepvggError} `E_DATA`: no images, a batch that is no whole number, or (`dropLast`) larger than the data set. */
export function checkOptions({
  dataset,
  batchSize,
  dropLast,
  prefetch,
}: {
  dataset: { readonly length: number };
  batchSize: number;
  dropLast: boolean;
  prefetch: number;
}): void {
  if (!Number.isInteger(prefetch) || prefetch < 0) {
    throw new RepvggError("E_DATA", `prefetch must be a whole number, 0 or more, got ${prefetch}.`);
  }
  if (dataset.length === 0) {
    throw new RepvggError(
      "E_DATA",
      "The data set has no images, so there is nothing to load; check its folder and split.",
    );
  }
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new RepvggError("E_DATA", `The batch size must be a whole number, 1 or more, got ${batchSize}.`);
  }
  if (dropLast && batchSize > dataset.length) {
    throw new RepvggError(
      "E_DATA",
      `A batch of ${batchSize} is larger than the data set of ${dataset.length} images, and incomplete batches are dropped: ` +
        `no batch is left. Choose a batch size of ${dataset.length} or less.`,
    );
  }
}

/** @throws {RepvggError} `E_DATA`: there is no such epoch or batch. */
