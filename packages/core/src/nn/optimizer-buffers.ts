import { keep, type Tensor, tensor } from "@tensorflow/tfjs-core";
import type { NdArray } from "../nd-array.ts";
import { type OptimizerKind, readOptimizerState, writeOptimizerState } from "../optimizer-state.ts";
import type { StateEntry } from "../state-layout.ts";
import type { Moments } from "./network-kernels.ts";

/** What an optimiser remembers from update to update; owns the tensors. */
export class OptimizerBuffers {
  readonly #entries: readonly StateEntry[];
  readonly #first = new Map<string, Tensor>();
  readonly #second = new Map<string, Tensor>();
  #kind: OptimizerKind = "sgd";
  #updates = 0;

  /** @param entries The parameters that learn. */
  constructor(entries: readonly StateEntry[]) {
    this.#entries = entries;
  }

  /** Updates so far, the running one included. */
  get updates(): number {
    return this.#updates;
  }

  /** Begins an update; forgets what another optimiser left. */
  begin(kind: OptimizerKind): void {
    if (kind !== this.#kind) this.dispose();
    this.#kind = kind;
    this.#updates++;
  }

  /** Replaces the velocity, or first moment, of a parameter. `next` is given the one before, undefined at first. */
  advance(name: string, next: (previous: Tensor | undefined) => Tensor): Tensor {
    return replace(this.#first, name, next);
  }

  /** The same of the second moment. */
  advanceSecond(name: string, next: (previous: Tensor | undefined) => Tensor): Tensor {
    return replace(this.#second, name, next);
  }

  /** The same of both moments at once. */
  advanceMoments(name: string, next: (previous: Moments | undefined) => Moments): void {
    const [first, second] = [this.#first.get(name), this.#second.get(name)];
    const moments = next(first && second && { first, second });
    replace(this.#first, name, () => moments.first);
    replace(this.#second, name, () => moments.second);
  }

  async export(): Promise<Map<string, NdArray>> {
    if (this.#first.size === 0) return new Map();
    const [first, second] = await Promise.all([toArrays(this.#first), toArrays(this.#second)]);
    return writeOptimizerState({ kind: this.#kind, first, second, updates: this.#updates });
  }

  /** @throws {RepvggError} `E_STATE`: it does not fit the parameters; nothing is changed then. */
  import(state: ReadonlyMap<string, NdArray>): void {
    const { kind, first, second, updates } = readOptimizerState(state, this.#entries);
    this.dispose();
    this.#kind = kind;
    this.#updates = updates;
    for (const [name, array] of first) this.#first.set(name, toKept(array));
    for (const [name, array] of second) this.#second.set(name, toKept(array));
  }

  dispose(): void {
    for (const buffer of [...this.#first.values(), ...this.#second.values()]) buffer.dispose();
    this.#first.clear();
    this.#second.clear();
    this.#updates = 0;
  }
}

function replace(buffers: Map<string, Tensor>, name: string, next: (previous: Tensor | undefined) => Tensor): Tensor {
  const previous = buffers.get(name);
  const value = keep(next(previous));
  previous?.dispose();
  buffers.set(name, value);
  return value;
}

const toKept = ({ shape, data }: NdArray) => keep(tensor(data.slice(), [...shape]));

/** Copies of tensors, by their names. */
export async function toArrays(tensors: ReadonlyMap<string, Tensor>): Promise<Map<string, NdArray>> {
  const arrays = await Promise.all(
    [...tensors].map(async ([name, tensor]): Promise<[string, NdArray]> => {
      const data = await tensor.data<"float32">();
      return [name, { shape: [...tensor.shape], data: data.slice() }];
    }),
  );
  return new Map(arrays);
}
