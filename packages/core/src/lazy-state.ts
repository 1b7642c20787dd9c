import type { NdArray } from "./nd-array.ts";

/** An array that is not there yet. */
export interface LazyArray {
  readonly shape: readonly number[];
  /** Makes its elements, in row-major order. */
  readonly make: () => Float32Array;
}

/**
 * A state whose arrays are made (read from a file, fused) when their data are asked for, and which nobody keeps: of a large network, one
 * array at a time is in memory.
 *
 * Each `get` is another array, which is made once. Its shape costs nothing.
 */
export class LazyState implements ReadonlyMap<string, NdArray> {
  /** Whether all elements are known to be finite, so that nobody need look through them again. */
  readonly finite: boolean;
  readonly #arrays: ReadonlyMap<string, LazyArray>;

  constructor(arrays: ReadonlyMap<string, LazyArray>, { finite = false } = {}) {
    this.finite = finite;
    this.#arrays = arrays;
  }

  get size(): number {
    return this.#arrays.size;
  }

  get(name: string): NdArray | undefined {
    const array = this.#arrays.get(name);
    return array && new MadeOnce(array);
  }

  has(name: string): boolean {
    return this.#arrays.has(name);
  }

  keys(): MapIterator<string> {
    return this.#arrays.keys();
  }

  *values(): MapIterator<NdArray> {
    for (const array of this.#arrays.values()) yield new MadeOnce(array);
  }

  *entries(): MapIterator<[string, NdArray]> {
    for (const [name, array] of this.#arrays) yield [name, new MadeOnce(array)];
  }

  [Symbol.iterator](): MapIterator<[string, NdArray]> {
    return this.entries();
  }

  forEach(visit: (array: NdArray, name: string, state: ReadonlyMap<string, NdArray>) => void): void {
    for (const [name, array] of this) visit(array, name, this);
  }
}

class MadeOnce implements NdArray {
  readonly shape: readonly number[];
  readonly #make: () => Float32Array;
  #data: Float32Array | undefined;

  constructor({ shape, make }: LazyArray) {
    this.shape = shape;
    this.#make = make;
  }

  get data(): Float32Array {
    this.#data ??= this.#make();
    return this.#data;
  }
}
