import { RepvggError } from "@repvgg/core";
import type { Batch } from "./finish-batch.ts";

/** Where a loader stands: the batch that comes next. JSON. */
export interface LoaderState {
  readonly epoch: number;
  readonly batch: number;
}

/**
 * What every loader does with its batches: gives them epoch after epoch, and knows where it stands.
 *
 * Iterating over it gives the rest of the current epoch and moves {@link state} on; {@link batches} gives any epoch and leaves the
 * state alone.
 */
export abstract class EpochStream implements AsyncIterable<Batch> {
  abstract readonly batchesPerEpoch: number;
  #state: LoaderState = { epoch: 0, batch: 0 };

  /** The batches of one epoch, from `startBatch` on. */
  abstract batches(epoch: number, startBatch?: number): AsyncGenerator<Batch, void, undefined>;

  /** The rest of the current epoch; afterwards the loader stands at the beginning of the next one. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    const { epoch, batch } = this.#state;
    let next = batch;
    for await (const made of this.batches(epoch, batch)) {
      this.#state = ++next === this.batchesPerEpoch ? { epoch: epoch + 1, batch: 0 } : { epoch, batch: next };
      yield made;
    }
  }

  /** The batch that comes next: one that has been handed out counts as done. */
  state(): LoaderState {
    return this.#state;
  }

  /** Continues from what {@link state} gave. @throws {RepvggError} `E_DATA`: it is none of this loader's positions. */
  resume({ epoch, batch }: LoaderState): void {
    this.checkPosition(epoch, batch);
    this.#state = { epoch, batch };
  }

  /** @throws {RepvggError} `E_DATA`: there is no such batch. */
  protected checkPosition(epoch: number, batch: number): void {
    if (!Number.isInteger(epoch) || epoch < 0) {
      throw new RepvggError("E_DATA", `The epoch must be a whole number, 0 or more, got ${epoch}.`);
    }
    if (!Number.isInteger(batch) || batch < 0 || batch > this.batchesPerEpoch) {
      throw new RepvggError(
        "E_DATA",
        `Batch ${batch} is not in an epoch of ${this.batchesPerEpoch} batches. Was the state saved with another batch size or data set?`,
      );
    }
  }
}
