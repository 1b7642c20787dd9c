import { add, keep, mul, type Tensor, tensor, tidy } from "@tensorflow/tfjs-core";
import { RepvggError } from "../errors.ts";
import type { StateDict } from "../state-dict.ts";
import { toArrays } from "./optimizer-buffers.ts";
import type { Variables } from "./variables.ts";

/** The moving average of a network's parameters and running statistics; owns it. */
export class Average {
  readonly #variables: Variables;
  readonly #average = new Map<string, Tensor>();

  constructor(variables: Variables) {
    this.#variables = variables;
  }

  /** `a ← decay · a + (1 − decay) · w`, at first `a = w`. */
  update(decay: number): void {
    tidy(() => {
      for (const name of this.#variables.names) {
        const weight = this.#variables.get(name);
        const previous = this.#average.get(name);
        const next = previous ? add(mul(previous, decay), mul(weight, 1 - decay)) : weight.clone();
        this.#average.set(name, keep(next));
        previous?.dispose();
      }
    });
  }

  /** @throws {RepvggError} `E_USAGE`: there is no average yet. */
  get<T extends Tensor>(name: string): T {
    const found = this.#average.get(name);
    if (!found) throw new RepvggError("E_USAGE", "There is no average yet: train with `averageDecay` first.");
    return found as T;
  }

  /** A copy, with the counts of batches of the network itself; undefined before the first update. */
  async export(): Promise<StateDict | undefined> {
    if (this.#average.size === 0) return undefined;
    const averages = await toArrays(this.#average);
    const state = await this.#variables.export();
    return new Map([...state].map(([name, array]) => [name, averages.get(name) ?? array]));
  }

  /** @param state Checked already; copied. */
  import(state: StateDict): void {
    this.dispose();
    for (const name of this.#variables.names) {
      const { shape, data } = state.get(name)!;
      this.#average.set(name, keep(tensor(data.slice(), [...shape])));
    }
  }

  /** Safe to call twice. */
  dispose(): void {
    for (const owned of this.#average.values()) owned.dispose();
    this.#average.clear();
  }
}
