import {
  type AdamWStep,
  CLIP_EPSILON,
  type NdArray,
  type OptimizerKind,
  type OptimizerStep,
  RepvggError,
  readOptimizerState,
  type SgdStep,
  writeOptimizerState,
} from "@repvgg/core";
import { type ParameterLayout, trainableSlots } from "./parameters.ts";
import type { Runtime } from "./runtime.ts";
import { readSlot, writeSlot } from "./transfer.ts";
import type { CompiledUpdates } from "./updates.ts";

/** What became of a step's gradients. */
export interface UpdateReport {
  /** Whether the parameters were updated: not while gradients are gathered, nor by a gradient that is not finite. */
  readonly updated: boolean;
  /** Before clipping; where a limit is given, and an update was due. */
  readonly gradientNorm?: number;
}

/** Gathers gradients and updates the parameters, in the engine's memory; remembers what the optimiser does. */
export class EngineOptimizer {
  readonly #runtime: Runtime;
  readonly #layout: ParameterLayout;
  readonly #updates: CompiledUpdates;
  #kind: OptimizerKind = "sgd";
  #count = 0;
  /** Whether gradients of earlier steps wait for the rest of their update. */
  #gathered = false;

  constructor(runtime: Runtime, layout: ParameterLayout, updates: CompiledUpdates) {
    this.#runtime = runtime;
    this.#layout = layout;
    this.#updates = updates;
  }

  /**
   * Takes the gradients of one step, and updates if the step is the last of its update.
   *
   * @param dropped The step has no gradients: its loss was not finite.
   * @throws {RepvggError} `E_MEMORY`: no room was left for what the step needs.
   */
  step(step: OptimizerStep, dropped = false): UpdateReport {
    if (!this.#gather(step, dropped)) return { updated: false };
    const { maxGradientNorm, kind = "sgd", customL2 = 0 } = step;
    if (customL2 !== 0) {
      this.#runtime.floats[this.#updates.settings.customL2 / 4] = customL2;
      this.#runtime.run(this.#updates.programs.customL2);
    }
    const norm = maxGradientNorm === undefined ? undefined : this.#norm();
    const report = norm === undefined ? {} : { gradientNorm: norm };
    if (norm !== undefined && !Number.isFinite(norm)) return { updated: false, ...report };
    const scale = norm === undefined ? 1 : Math.min(1, maxGradientNorm! / (norm + CLIP_EPSILON));

    if (kind === "adamw") this.#assertRoom(this.#layout.secondOffset);
    if (kind !== this.#kind) this.#forget();
    this.#kind = kind;
    this.#count++;
    const settings = (decay: number) =>
      step.kind === "adamw" ? adamwSettings(step, decay, scale, this.#count) : sgdSettings(step, decay, scale);
    const { branchKernels, decayed, plain } = this.#updates.settings;
    this.#runtime.floats.set(settings(customL2 === 0 ? step.weightDecay : 0), branchKernels / 4);
    this.#runtime.floats.set(settings(step.weightDecay), decayed / 4);
    this.#runtime.floats.set(settings(0), plain / 4);
    this.#runtime.run(this.#updates.programs[kind]);
    return { updated: true, ...report };
  }

  /** Whether an update is due; its gradients are in place then. */
  #gather({ accumulation }: OptimizerStep, dropped: boolean): boolean {
    if (!accumulation) return !dropped;
    const { weight, last } = accumulation;
    const before = Number(this.#gathered);
    if (!dropped) this.#blend("gather", before, weight);
    this.#gathered = !last && (this.#gathered || !dropped);
    const due = last && (before === 1 || !dropped);
    if (due) this.#blend("collect", 0, 1);
    return due;
  }

  #blend(program: "gather" | "collect", keep: number, weight: number): void {
    this.#assertRoom(this.#layout.gatheredOffset);
    this.#runtime.floats.set([keep, weight], this.#updates.settings.blend / 4);
    this.#runtime.run(this.#updates.programs[program]);
  }

  #norm(): number {
    this.#runtime.run(this.#updates.programs.squaredSums);
    const { address, count } = this.#updates.squares;
    const { buffer } = this.#runtime.floats;
    return Math.sqrt(new Float64Array(buffer, address, count).reduce((sum, part) => sum + part, 0));
  }

  #assertRoom(offset: number): void {
    if (offset > 0) return;
    throw new RepvggError(
      "E_MEMORY",
      "This network leaves no room for AdamW, gradient accumulation or an average in the 4 GiB that WebAssembly addresses. " +
        "Use a smaller batch or smaller images, or SGD.",
    );
  }

  #forget(): void {
    const { decayed, plain, velocityOffset, secondOffset } = this.#layout;
    for (const offset of [velocityOffset, ...(this.#kind === "adamw" ? [secondOffset] : [])]) {
      const start = (decayed.address + offset) / 4;
      this.#runtime.floats.fill(0, start, start + decayed.floats + plain.floats);
    }
    this.#count = 0;
  }

  export(): Map<string, NdArray> {
    if (this.#count === 0) return new Map();
    const { velocityOffset, secondOffset } = this.#layout;
    const read = (offset: number) =>
      new Map(
        trainableSlots(this.#layout).map((slot) => [slot.entry.name, readSlot(this.#runtime.floats, slot, offset)]),
      );
    const second = this.#kind === "adamw" ? read(secondOffset) : new Map<string, NdArray>();
    return writeOptimizerState({ kind: this.#kind, first: read(velocityOffset), second, updates: this.#count });
  }

  /** @throws {RepvggError} `E_STATE`: it does not fit the network; nothing is changed then. */
  import(state: ReadonlyMap<string, NdArray>): void {
    const slots = trainableSlots(this.#layout);
    const { kind, first, second, updates } = readOptimizerState(
      state,
      slots.map(({ entry }) => entry),
    );
    if (kind === "adamw") this.#assertRoom(this.#layout.secondOffset);
    this.#forget();
    this.#kind = kind;
    this.#forget();
    this.#count = kind === "adamw" ? updates : Math.sign(state.size);
    const { velocityOffset, secondOffset } = this.#layout;
    for (const slot of slots) {
      const [velocity, moment] = [first.get(slot.entry.name), second.get(slot.entry.name)];
      if (velocity) writeSlot(this.#runtime, this.#layout, slot, velocity, velocityOffset);
      if (moment) writeSlot(this.#runtime, this.#layout, slot, moment, secondOffset);
    }
  }
}

/** As the operation `sgd` reads them. */
const sgdSettings = ({ learningRate, momentum, nesterov }: SgdStep, decay: number, scale: number) => [
  learningRate,
  momentum,
  decay,
  scale,
  Number(nesterov),
];

/** As the operation `adamw` reads them. */
function adamwSettings(step: AdamWStep, decay: number, scale: number, count: number): number[] {
  const { learningRate, beta1, beta2, epsilon } = step;
  return [
    scale,
    beta1,
    1 - beta1,
    beta2,
    1 - beta2,
    1 - learningRate * decay,
    learningRate / (1 - beta1 ** count),
    1 / Math.sqrt(1 - beta2 ** count),
    epsilon,
  ];
}
