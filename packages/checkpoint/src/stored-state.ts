import type { NdArray, StateDict } from "@repvgg/core";
import { arrayInMemory, type Piece, piecesOf } from "./array-in-memory.ts";
import { memoryShape } from "./file-layout.ts";
import type { StoredTensor } from "./stored-weights.ts";
import { FiniteCheck } from "./tensors.ts";

/**
 * A network's state that stays in its file: an array is read when its data are asked for, and nobody keeps it. Of a large network,
 * one array at a time is in memory then.
 *
 * Each `get` is another array, which reads once. Its shape costs nothing.
 */
export class StoredState implements ReadonlyMap<string, NdArray> {
  readonly #tensors: ReadonlyMap<string, StoredTensor>;

  /** @param tensors By the names that the state has. */
  constructor(tensors: ReadonlyMap<string, StoredTensor>) {
    this.#tensors = tensors;
  }

  get size(): number {
    return this.#tensors.size;
  }

  get(name: string): NdArray | undefined {
    const tensor = this.#tensors.get(name);
    return tensor && new StoredArray(tensor);
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  keys(): MapIterator<string> {
    return this.#tensors.keys();
  }

  *values(): MapIterator<NdArray> {
    for (const tensor of this.#tensors.values()) yield new StoredArray(tensor);
  }

  *entries(): MapIterator<[string, NdArray]> {
    for (const [name, tensor] of this.#tensors) yield [name, new StoredArray(tensor)];
  }

  [Symbol.iterator](): MapIterator<[string, NdArray]> {
    return this.entries();
  }

  forEach(visit: (array: NdArray, name: string, state: ReadonlyMap<string, NdArray>) => void): void {
    for (const [name, array] of this) visit(array, name, this);
  }
}

class StoredArray implements NdArray {
  readonly shape: readonly number[];
  readonly #tensor: StoredTensor;
  #data: Float32Array | undefined;

  constructor(tensor: StoredTensor) {
    this.shape = memoryShape(tensor.shape);
    this.#tensor = tensor;
  }

  get data(): Float32Array {
    this.#data ??= arrayInMemory(this.#tensor).data;
    return this.#data;
  }
}

/** Where the arrays of a state are. */
export type StatePlace = "in memory" | "in the file";

/**
 * The state of these tensors. All are read once, to see that they are finite, wherever they are then.
 *
 * @param nameIn An entry's name as the file has it.
 * @throws {RepvggError} `E_CHECKPOINT`: elements are NaN or infinite; the message names all tensors that have some.
 */
export function stateIn(
  place: "in memory",
  tensors: ReadonlyMap<string, StoredTensor>,
  source: string,
  nameIn?: (name: string) => string,
): StateDict;
export function stateIn(
  place: StatePlace,
  tensors: ReadonlyMap<string, StoredTensor>,
  source: string,
  nameIn?: (name: string) => string,
): ReadonlyMap<string, NdArray>;
export function stateIn(
  place: StatePlace,
  tensors: ReadonlyMap<string, StoredTensor>,
  source: string,
  nameIn: (name: string) => string = (name) => name,
): ReadonlyMap<string, NdArray> {
  const check = new FiniteCheck(source);
  const arrays = new Map<string, NdArray>();
  for (const [name, tensor] of tensors) {
    const look = ({ values, first }: Piece) => check.look(nameIn(name), values, first);
    if (place === "in memory") arrays.set(name, arrayInMemory(tensor, look));
    else for (const piece of piecesOf(tensor)) look(piece);
  }
  check.finish();
  return place === "in memory" ? arrays : new StoredState(tensors);
}
