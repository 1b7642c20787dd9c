/** The memory that a loader makes its batches in. What is given back is given out again, instead of new memory. */
export class BatchMemory {
  readonly #bytes: number;
  /** Kept through the epochs, since a thread lets go of one only when it collects garbage. */
  readonly #slots: SharedArrayBuffer[] = [];
  readonly #arrays: Float32Array[] = [];
  readonly #given = new WeakSet<Float32Array>();

  /** @param bytes Of a whole batch. */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** Room for a batch that threads write to. */
  takeSlot(): SharedArrayBuffer {
    return this.#slots.pop() ?? new SharedArrayBuffer(this.#bytes);
  }

  /** @param slot Nobody writes to it any more, or reads it. */
  releaseSlot(slot: SharedArrayBuffer): void {
    this.#slots.push(slot);
  }

  /** A copy of the first `bytes` of a slot, as numbers. */
  numbersIn(slot: SharedArrayBuffer, bytes: number): Float32Array {
    const shared = new Float32Array(slot, 0, bytes / Float32Array.BYTES_PER_ELEMENT);
    const used = bytes === this.#bytes ? this.#arrays.pop() : undefined;
    used?.set(shared);
    const numbers = used ?? new Float32Array(shared);
    this.#given.add(numbers);
    return numbers;
  }

  /** @param numbers Nobody reads them any more; arrays that are not from here are left alone. */
  releaseNumbers(numbers: Float32Array): void {
    if (this.#given.delete(numbers) && numbers.byteLength === this.#bytes) this.#arrays.push(numbers);
  }
}
