/** The memory that a loader makes its batches in. What is given back is given out again, instead of new memory. */
export class BatchMemory {
  readonly #bytes: number;
  /** Kept through the epochs, since a thread lets go of one only when it collects garbage. */
  readonly #free: SharedArrayBuffer[] = [];
  readonly #taken = new WeakSet<ArrayBufferLike>();

  /** @param bytes Of a whole batch. */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** Room for a batch that threads write to. */
  take(): SharedArrayBuffer {
    const slot = this.#free.pop() ?? new SharedArrayBuffer(this.#bytes);
    this.#taken.add(slot);
    return slot;
  }

  /** @param memory Nobody writes to it any more, or reads it. What is not from here, or back already, is left alone. */
  release(memory: ArrayBufferLike): void {
    if (this.#taken.delete(memory)) this.#free.push(memory as SharedArrayBuffer);
  }
}
