import {
  add,
  addN,
  dispose,
  div,
  mul,
  type Scalar,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  tidy,
} from "@tensorflow/tfjs-core";
import type { NdArray } from "../nd-array.ts";
import type { AdamWStep, OptimizerStep, SgdStep } from "../optimizer-step.ts";
import { isBranchKernel } from "../state-layout.ts";
import { networkKernels } from "./network-kernels.ts";
import { OptimizerBuffers } from "./optimizer-buffers.ts";
import type { Variables } from "./variables.ts";

/** Gradients by parameter name. */
export type Gradients = ReadonlyMap<string, Tensor>;

/** SGD and AdamW over {@link Variables}; owns what they remember. */
export class Optimizer {
  readonly #variables: Variables;
  readonly #buffers: OptimizerBuffers;
  /** Gradients that wait for the rest of their update; empty between updates. */
  readonly #gathered = new Map<string, Tensor>();

  constructor(variables: Variables) {
    this.#variables = variables;
    this.#buffers = new OptimizerBuffers(variables.entries.filter(({ trainable }) => trainable));
  }

  /**
   * Takes the gradients of one step.
   *
   * @param gradients Borrowed; undefined for a step that is dropped.
   * @returns The gradients of the update that is due, borrowed until {@link finish}; undefined if none is.
   */
  gather(gradients: Gradients | undefined, { accumulation }: OptimizerStep): Gradients | undefined {
    if (!accumulation) return gradients;
    for (const [name, gradient] of gradients ?? []) {
      const before = this.#gathered.get(name);
      const sum = tidy(() => {
        const weighted = mul(gradient, accumulation.weight);
        return before ? add(before, weighted) : weighted;
      });
      this.#gathered.set(name, sum);
      before?.dispose();
    }
    return accumulation.last && this.#gathered.size > 0 ? this.#gathered : undefined;
  }

  /** Frees the gathered gradients, once their update is done or given up. */
  finish(): void {
    dispose([...this.#gathered.values()]);
    this.#gathered.clear();
  }

  /** The L2 norm of all gradients together, `[]`; the caller owns it. */
  norm(gradients: Gradients): Scalar {
    return tidy(() => sqrt(addN([...gradients.values()].map((gradient) => sum<Scalar>(square(gradient))))));
  }

  /**
   * One update; see {@link SgdStep} and {@link AdamWStep}.
   *
   * @param gradients Borrowed. A parameter without a gradient is left as it is.
   * @param scale What the gradients are multiplied by first.
   */
  update(gradients: Gradients, step: OptimizerStep, scale = 1): void {
    this.#buffers.begin(step.kind ?? "sgd");
    for (const entry of this.#variables.entries) {
      const { name } = entry;
      const given = gradients.get(name);
      if (!given) continue;
      tidy(() => {
        const gradient = scale === 1 ? given : mul(given, scale);
        const decays = entry.decay && !(step.customL2 && isBranchKernel(entry));
        const weightDecay = decays ? step.weightDecay : 0;
        if (step.kind === "adamw") this.#adamw(name, gradient, { ...step, weightDecay });
        else this.#sgd(name, gradient, { ...step, weightDecay });
      });
    }
  }

  /** @param step With the weight decay of this parameter. */
  #sgd(name: string, gradient: Tensor, step: SgdStep): void {
    const weight = this.#variables.get(name);
    const { learningRate, momentum, nesterov, weightDecay } = step;
    const own = momentum === 0 ? undefined : networkKernels().sgd;
    if (own) {
      this.#buffers.advance(name, (velocity) => own(weight, velocity, gradient, step));
      return;
    }
    const decayed = weightDecay === 0 ? gradient : add(gradient, mul(weight, weightDecay));
    if (momentum === 0) {
      weight.assign(sub(weight, mul(decayed, learningRate)));
      return;
    }
    const velocity = this.#buffers.advance(name, (v) => (v ? add(mul(v, momentum), decayed) : decayed.clone()));
    const direction = nesterov ? add(decayed, mul(velocity, momentum)) : velocity;
    weight.assign(sub(weight, mul(direction, learningRate)));
  }

  #adamw(name: string, gradient: Tensor, step: AdamWStep): void {
    const { learningRate, beta1, beta2, epsilon, weightDecay } = step;
    const { updates } = this.#buffers;
    const weight = this.#variables.get(name);
    const own = networkKernels().adamw;
    if (own) {
      this.#buffers.advanceMoments(name, (moments) => own(weight, moments, gradient, { ...step, updates }));
      return;
    }
    const average = (beta: number, value: Tensor) => (m: Tensor | undefined) =>
      m ? add(mul(m, beta), mul(value, 1 - beta)) : mul(value, 1 - beta);
    const m = this.#buffers.advance(name, average(beta1, gradient));
    const v = this.#buffers.advanceSecond(name, average(beta2, square(gradient)));
    const rate = learningRate / (1 - beta1 ** updates);
    const deviation = add(div(sqrt(v), Math.sqrt(1 - beta2 ** updates)), epsilon);
    weight.assign(sub(mul(weight, 1 - learningRate * weightDecay), div(mul(m, rate), deviation)));
  }

  /** A copy of what the optimiser remembers; empty before the first update that remembers anything. */
  export(): Promise<Map<string, NdArray>> {
    return this.#buffers.export();
  }

  /**
   * Restores what {@link export} gave.
   *
   * @throws {RepvggError} `E_STATE`: a name or shape is not that of a parameter; nothing is changed then.
   */
  import(state: ReadonlyMap<string, NdArray>): void {
    this.#buffers.import(state);
  }

  /** Frees the buffers. Safe to call twice. */
  dispose(): void {
    this.finish();
    this.#buffers.dispose();
  }
}
