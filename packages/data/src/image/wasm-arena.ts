import { RepvggError } from "@repvgg/core";

const PAGE_BYTES = 65536;
/** A module's own data would lie below. */
const FIRST_ADDRESS = 1024;
const ALIGNMENT = 16;
/** Kernels work on 16 bytes at a time, and so read and write a little beyond what they were given. */
const MARGIN = 32;

/** Hands out a WebAssembly memory from its beginning, and lets it grow. What it gave is free again when the next one is made. */
export class WasmArena {
  readonly #memory: WebAssembly.Memory;
  #next = FIRST_ADDRESS;

  constructor(memory: WebAssembly.Memory) {
    this.#memory = memory;
  }

  /** All of the memory; only until more of it is reserved. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.#memory.buffer);
  }

  /**
   * Room for `bytes`, and `overrun` more that may be read.
   *
   * @returns Its address.
   * @throws {RepvggError} `E_MEMORY`: 4 GiB are not enough, or the machine has no more.
   */
  reserve(bytes: number, overrun = 0): number {
    const at = this.#next;
    this.#next += Math.ceil((bytes + overrun + MARGIN) / ALIGNMENT) * ALIGNMENT;
    const missing = this.#next - this.#memory.buffer.byteLength;
    if (missing > 0) this.#grow(Math.ceil(missing / PAGE_BYTES));
    return at;
  }

  /** Copies `data` in; see {@link reserve}. */
  place(data: Uint8Array, overrun = 0): number {
    const at = this.reserve(data.length, overrun);
    this.bytes.set(data, at);
    return at;
  }

  #grow(pages: number): void {
    try {
      this.#memory.grow(pages);
    } catch (cause) {
      const mebibytes = Math.ceil(this.#next / 2 ** 20);
      throw new RepvggError(
        "E_MEMORY",
        `Resizing the image needs ${mebibytes} MiB, which cannot be had: ${(cause as Error).message}. Use smaller images.`,
        { cause },
      );
    }
  }
}
