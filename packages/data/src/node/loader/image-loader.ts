import { availableParallelism, homedir, totalmem } from "node:os";
import { join } from "node:path";
import { RepvggError } from "@repvgg/core";
import { checkOptions, indicesOf } from "../../batch-loader.ts";
import { mixes } from "../../batch-mix.ts";
import type { EncodedDataset } from "../../encoded-dataset.ts";
import { EpochStream } from "../../epoch-stream.ts";
import { type Batch, finishBatch } from "../../finish-batch.ts";
import type { Size } from "../../image/byte-image.ts";
import { fixedSteps, outputSize } from "../../image/image-steps.ts";
import { normalize } from "../../normalize.ts";
import { permutation } from "../../permutation.ts";
import { checkPreprocessing } from "../../preprocessing.ts";
import { compose, type ImageBatch } from "../../transform.ts";
import { BatchMemory } from "./batch-memory.ts";
import { CacheBudget } from "./cache-budget.ts";
import { CACHE_HEADER_BYTES } from "./disk-cache.ts";
import { IMAGE_LOADER_DEFAULTS, type ImageLoaderOptions } from "./image-loader-options.ts";
import type { Task } from "./task.ts";
import { InlinePool, type TaskPool, WorkerDeath, WorkerPool } from "./worker-pool.ts";

/** An image that could not be used. */
export interface BadImage {
  /** Its position in the data set. */
  readonly index: number;
  readonly name: string;
  readonly reason: string;
}

const GIBIBYTE = 2 ** 30;
/** A decoded photograph of 640 × 480, which most data sets have less than. */
const TYPICAL_IMAGE_BYTES = 640 * 480 * 3;
/** Node decodes on as many threads, unless UV_THREADPOOL_SIZE says more. */
const DECODING_THREADS = 4;

/** Keeps the random numbers of the transform apart from those of the steps. */
const TRANSFORM_STREAM = 1;

/**
 * Batches of encoded images, epoch after epoch, read and decoded by threads.
 *
 * Every batch is a function of (seed, epoch, position) alone: the number of workers, `prefetch`, the cache and where an epoch
 * was begun change nothing. Threads start with the first batch and stay until {@link close}; they don't keep a process alive.
 *
 *     const loader = new ImageLoader({ dataset, batchSize: 64, steps: [randomResizedCrop({ size: 224 })], shuffle: true });
 *     for await (const { images, labels } of loader.batches(0)) …
 *     await loader.close();
 */
export class ImageLoader extends EpochStream {
  readonly dataset: EncodedDataset;
  readonly batchSize: number;
  readonly batchesPerEpoch: number;
  readonly #options: Required<Omit<ImageLoaderOptions, "report" | "cacheBytes" | "preprocessing">> &
    Pick<ImageLoaderOptions, "report" | "preprocessing">;
  readonly #size: Size;
  readonly #pool: TaskPool;
  readonly #cache: CacheBudget;
  readonly #bad = new Map<number, BadImage>();
  readonly #memory: BatchMemory;

  /** @throws {RepvggError} `E_DATA`: no images, an option out of range, or steps that leave images of different sizes. */
  constructor(options: ImageLoaderOptions) {
    super();
    const all = {
      ...IMAGE_LOADER_DEFAULTS,
      transform: options.preprocessing ? compose() : normalize({ mean: [0], std: [1] }),
      workers: Math.min(availableParallelism(), DECODING_THREADS),
      cacheFolder: join(homedir(), ".cache", "repvgg", "images"),
      ...options,
    };
    const { dataset, batchSize, dropLast, workers, cache, steps, channels, seed, cacheFolder } = all;
    checkOptions(all);
    mixes(all.mix);
    if (!Number.isInteger(workers) || workers < 0) {
      throw new RepvggError("E_DATA", `workers must be a whole number, 0 or more, got ${workers}.`);
    }
    const size = outputSize(steps);
    if (!size) {
      throw new RepvggError("E_DATA", "The steps leave images of different sizes; add a resizeAndCrop or a crop.");
    }
    if (all.preprocessing) checkPreprocessing(all.preprocessing, [1, ...size, channels]);
    this.#options = all;
    this.#size = size;
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.batchesPerEpoch = (dropLast ? Math.floor : Math.ceil)(dataset.length / batchSize);
    this.#memory = new BatchMemory(Math.min(batchSize, dataset.length) * this.#imageBytes);
    const reader = { steps, channels, size, seed, preprocessing: all.preprocessing, cache, cacheFolder };
    this.#pool =
      workers === 0 ? new InlinePool(reader) : new WorkerPool(reader, workers, batchSize * (all.prefetch + 1));
    const limit = options.cacheBytes ?? (cache === "ram" ? totalmem() / 4 : 20 * GIBIBYTE);
    const fixed = outputSize(steps.slice(0, fixedSteps(steps)));
    const expected = fixed ? fixed[0] * fixed[1] * channels + CACHE_HEADER_BYTES : TYPICAL_IMAGE_BYTES;
    this.#cache = new CacheBudget(cache, limit, cacheFolder, expected);
  }

  /** Images that could not be used so far, in the order of the data set. */
  get badImages(): readonly BadImage[] {
    return [...this.#bad.values()].sort((a, b) => a.index - b.index);
  }

  /** The threads and the image that each holds; none before the first batch, and without workers. */
  get workers(): readonly { readonly worker: number; readonly threadId: number; readonly image: string | undefined }[] {
    return this.#pool instanceof WorkerPool ? this.#pool.holding : [];
  }

  /** Ends one thread, as if it had crashed; another takes its place. */
  async terminateWorker(worker: number): Promise<void> {
    if (this.#pool instanceof WorkerPool && (await this.#pool.terminate(worker))) return;
    throw new RepvggError("E_DATA", `The loader has no worker ${worker} now.`);
  }

  /**
   * The batches of one epoch.
   *
   * @param startBatch The first one to give; those before it are not made.
   * @throws {RepvggError} `E_DATA`: `epoch` or `startBatch` is out of range, an image cannot be used or a worker ended (unless
   *   `onBadImage` is "skip"), what the transform throws; `E_DISPOSED`: the loader is closed.
   */
  async *batches(epoch: number, startBatch = 0): AsyncGenerator<Batch, void, undefined> {
    this.checkPosition(epoch, startBatch);
    const { shuffle, seed, prefetch } = this.#options;
    const { dataset, batchesPerEpoch } = this;
    const order = shuffle ? permutation(dataset.length, seed, epoch) : undefined;
    const stopped = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const ahead: Promise<Batch>[] = [];
    try {
      for (let next = startBatch; ; ) {
        while (ahead.length <= prefetch && next < batchesPerEpoch) {
          const batch = this.#make({ epoch, batch: next++, order, stopped });
          batch.catch(() => {}); // It is thrown to whoever takes this batch; one that nobody takes must not end the process.
          ahead.push(batch);
        }
        const first = ahead.shift();
        if (first === undefined) return;
        const batch = await first;
        yield batch;
        this.#memory.release(batch.images.data.buffer);
      }
    } finally {
      Atomics.store(stopped, 0, 1);
      for (const batch of ahead) batch.then(({ images }) => this.#memory.release(images.data.buffer)).catch(() => {});
    }
  }

  /** Ends the threads. Safe to call twice. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  /** @returns A batch with numbers of its own, or in memory that is to be released with it. */
  async #make(place: Place): Promise<Batch> {
    const slot = this.#memory.take();
    let used: ArrayBufferLike | undefined;
    try {
      const batch = await this.#makeIn(slot, place);
      used = batch.images.data.buffer;
      return batch;
    } finally {
      if (used !== slot) this.#memory.release(slot);
    }
  }

  async #makeIn(slot: SharedArrayBuffer, place: Place): Promise<Batch> {
    const { epoch, batch, order, stopped } = place;
    const { dataset, batchSize } = this;
    const bytes = this.#imageBytes;
    const wanted = indicesOf(batch, { batchSize, length: dataset.length }, order);
    const reads = Array.from(wanted, (index, k) => this.#readGood(index, { epoch, slot, offset: k * bytes, stopped }));
    await Promise.allSettled(reads); // Of several bad images the first is told of, whichever thread was faster.
    const indices = await Promise.all(reads);
    const labels = Int32Array.from(indices, (index) => dataset.label(index));
    const images = this.#imagesIn(slot, indices.length);
    const raw = { epoch, batch, images, labels, indices: Int32Array.from(indices) };
    return finishBatch(raw, this.#options, TRANSFORM_STREAM);
  }

  /** Of an image in a slot. */
  get #imageBytes(): number {
    const { channels, preprocessing } = this.#options;
    const perPixel = preprocessing ? preprocessing.inputChannels * Float32Array.BYTES_PER_ELEMENT : channels;
    return this.#size[0] * this.#size[1] * perPixel;
  }

  /** The first `n` images of a slot: bytes, of which the transform makes numbers; or numbers, copied unless they may lie there. */
  #imagesIn(slot: SharedArrayBuffer, n: number): ImageBatch {
    const { channels, preprocessing, reuseMemory } = this.#options;
    const bytes = new Uint8Array(slot, 0, n * this.#imageBytes);
    if (!preprocessing) return { shape: [n, ...this.#size, channels], data: bytes };
    const numbers = new Float32Array(slot, 0, bytes.length / Float32Array.BYTES_PER_ELEMENT);
    const data = reuseMemory ? numbers : new Float32Array(numbers);
    return { shape: [n, ...this.#size, preprocessing.inputChannels], data };
  }

  /** Reads an image, or with "skip" the first one after it that is good. @returns Which one. */
  async #readGood(wanted: number, place: ImagePlace): Promise<number> {
    const { length } = this.dataset;
    for (let tried = 0; tried < length; tried++) {
      const index = (wanted + tried) % length;
      if (this.#bad.has(index)) continue;
      try {
        await this.#read(index, place);
        return index;
      } catch (error) {
        if (this.#options.onBadImage === "fail" || !isBadImage(error)) throw error;
        this.#noteBad(index, error.message);
      }
    }
    throw new RepvggError(
      "E_DATA",
      `None of the ${length} images can be used; the first: ${this.badImages[0]?.reason}`,
    );
  }

  /** With "skip", an image whose worker ended is given to another worker once: it need not be the image's fault. */
  async #read(index: number, place: ImagePlace): Promise<void> {
    try {
      await this.#run(index, place);
    } catch (error) {
      if (!(error instanceof WorkerDeath) || this.#options.onBadImage === "fail") throw error;
      this.#options.report?.(`${error.message} Another worker tries it.`);
      await this.#run(index, place);
    }
  }

  async #run(index: number, place: ImagePlace): Promise<void> {
    const sample = this.dataset.sample(index);
    const cached = this.#cache.get(index);
    const mayStore = this.#cache.reserve();
    try {
      const task = { ...place, sample, index, cached, mayStore };
      const fault = this.#cache.took(index, await this.#pool.run(task));
      if (fault) this.#options.report?.(fault);
    } finally {
      if (mayStore) this.#cache.release();
    }
  }

  #noteBad(index: number, reason: string): void {
    if (this.#bad.has(index)) return;
    this.#bad.set(index, { index, name: this.dataset.sample(index).name, reason });
    this.#options.report?.(`Skipped: ${reason}`);
  }
}

/** Where a batch stands. */
interface Place {
  readonly epoch: number;
  readonly batch: number;
  readonly order: Int32Array | undefined;
  readonly stopped: Int32Array;
}

/** Where the bytes of an image go, and for which epoch. */
type ImagePlace = Pick<Task, "epoch" | "slot" | "offset" | "stopped">;

function isBadImage(error: unknown): error is RepvggError {
  return error instanceof RepvggError && error.code === "E_DATA";
}
