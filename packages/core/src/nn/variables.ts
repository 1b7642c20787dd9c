import { type Tensor, tensor, tidy, type Variable, variable } from "@tensorflow/tfjs-core";
import { takeState } from "../check-state.ts";
import { RepvggError } from "../errors.ts";
import type { NdArray } from "../nd-array.ts";
import type { StateDict } from "../state-dict.ts";
import type { StateEntry } from "../state-layout.ts";

/** The parameters and running statistics of a network as tfjs variables, which it owns. */
export class Variables {
  readonly entries: readonly StateEntry[];
  readonly #variables = new Map<string, Variable>();
  /** Batches that each normalization has seen: numbers of the host, which nothing computes with. */
  readonly #batches = new Map<string, number>();

  /**
   * @param state Has `entries`, of the right shapes; copied.
   * @throws {RepvggError} `E_STATE`: values are not finite, or a variance is negative. No variable is left then.
   */
  constructor(entries: readonly StateEntry[], state: ReadonlyMap<string, NdArray>) {
    this.entries = entries;
    try {
      takeState(entries, state, (entry, array) => this.#take(entry, array));
    } catch (cause) {
      this.dispose();
      throw cause;
    }
  }

  #take({ name, shape, role, trainable }: StateEntry, { data }: NdArray): undefined {
    if (role === "numBatchesTracked") {
      this.#batches.set(name, data[0]!);
    } else {
      this.#variables.set(
        name,
        tidy(() => variable(tensor(data.slice(), [...shape]), trainable)),
      );
    }
  }

  /**
   * The variable of that PyTorch name, borrowed.
   *
   * @throws {RepvggError} `E_STATE`: there is none.
   */
  get<T extends Tensor>(name: string): Variable & T {
    const found = this.#variables.get(name);
    if (!found) throw new RepvggError("E_STATE", `The network has no variable ${name}.`);
    return found as Variable & T;
  }

  /** Of everything that computes: parameters and running statistics. */
  get names(): Iterable<string> {
    return this.#variables.keys();
  }

  /** @param counts Which normalizations have seen a batch. */
  countBatch(counts: (entry: StateEntry) => boolean): void {
    for (const entry of this.entries) {
      const count = this.#batches.get(entry.name);
      if (count !== undefined && counts(entry)) this.#batches.set(entry.name, count + 1);
    }
  }

  /** A copy, in PyTorch's order. */
  async export(): Promise<StateDict> {
    const arrays = await Promise.all(
      this.entries.map(async ({ name, shape }): Promise<[string, NdArray]> => {
        const count = this.#batches.get(name);
        const data = count === undefined ? await this.get(name).data<"float32">() : Float32Array.of(count);
        return [name, { shape: [...shape], data: data.slice() }];
      }),
    );
    return new Map(arrays);
  }

  /** Safe to call twice. */
  dispose(): void {
    for (const owned of this.#variables.values()) owned.dispose();
    this.#variables.clear();
  }
}
