import { add, keep, mul, sub, type Tensor, tensor, tidy } from "@tensorflow/tfjs-core";
import { RepvggError } from "../errors.ts";
import { type NdArray, sameShape } from "../nd-array.ts";
import type { SgdStep } from "../network.ts";
import type { StateEntry } from "../state-layout.ts";
import type { Variables } from "./variables.ts";

/** Stochastic gradient descent over {@link Variables}; owns the momentum buffers. */
export class Sgd {
  readonly #variables: Variables;
  readonly #entries: readonly StateEntry[];
  readonly #velocities = new Map<string, Tensor>();

  constructor(variables: Variables) {
    this.#variables = variables;
    this.#entries = variables.entries.filter(({ trainable }) => trainable);
  }

  /**
   * One update, PyTorch's formula.
   *
   *     g ← g + weightDecay · w, where `StateEntry.decay`        v ← momentum · v + g, at first v = g
   *     w ← w − learningRate · (nesterov ? g + momentum · v : v)
   *
   * @param gradientOf By parameter name; borrowed. A parameter without a gradient is left as it is.
   */
  update(gradientOf: (name: string) => Tensor | undefined, step: SgdStep): void {
    const { learningRate, momentum, weightDecay, nesterov } = step;
    for (const { name, decay } of this.#entries) {
      const given = gradientOf(name);
      if (!given) continue;
      tidy(() => {
        const weight = this.#variables.get(name);
        const gradient = decay && weightDecay !== 0 ? add(given, mul(weight, weightDecay)) : given;
        if (momentum === 0) return weight.assign(sub(weight, mul(gradient, learningRate)));
        const velocity = this.#advance(name, gradient, momentum);
        const direction = nesterov ? add(gradient, mul(velocity, momentum)) : velocity;
        weight.assign(sub(weight, mul(direction, learningRate)));
      });
    }
  }

  #advance(name: string, gradient: Tensor, momentum: number): Tensor {
    const previous = this.#velocities.get(name);
    const velocity = keep(previous ? add(mul(previous, momentum), gradient) : gradient.clone());
    previous?.dispose();
    this.#velocities.set(name, velocity);
    return velocity;
  }

  /** A copy of the momentum buffers; empty before the first step with momentum. */
  async export(): Promise<Map<string, NdArray>> {
    const arrays = await Promise.all(
      [...this.#velocities].map(async ([name, velocity]): Promise<[string, NdArray]> => {
        const data = await velocity.data<"float32">();
        return [name, { shape: [...velocity.shape], data: data.slice() }];
      }),
    );
    return new Map(arrays);
  }

  /**
   * Restores what {@link export} gave.
   *
   * @throws {RepvggError} `E_STATE`: a name or shape is not that of a parameter; nothing is changed then.
   */
  import(state: ReadonlyMap<string, NdArray>): void {
    for (const [name, { shape }] of state) {
      const entry = this.#entries.find((candidate) => candidate.name === name);
      if (!entry)
        throw new RepvggError("E_STATE", `The optimiser's state has ${name}, which is no parameter of this network.`);
      if (!sameShape(entry.shape, shape)) {
        throw new RepvggError(
          "E_STATE",
          `The optimiser's ${name} must have shape [${entry.shape.join(", ")}], got [${shape.join(", ")}].`,
        );
      }
    }
    this.dispose();
    for (const [name, { shape, data }] of state) {
      this.#velocities.set(name, keep(tensor(data.slice(), [...shape])));
    }
  }

  /** Frees the buffers. Safe to call twice. */
  dispose(): void {
    for (const velocity of this.#velocities.values()) velocity.dispose();
    this.#velocities.clear();
  }
}
