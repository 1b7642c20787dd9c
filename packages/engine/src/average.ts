import { RepvggError, type StateDict } from "@repvgg/core";
import type { ParameterLayout, Slot } from "./parameters.ts";
import type { Runtime } from "./runtime.ts";
import { readSlot, writeSlot } from "./transfer.ts";
import type { CompiledUpdates } from "./updates.ts";

/** The moving average of parameters and running statistics, in the engine's memory. */
export class EngineAverage {
  readonly #runtime: Runtime;
  readonly #layout: ParameterLayout;
  readonly #updates: CompiledUpdates;
  #exists = false;

  constructor(runtime: Runtime, layout: ParameterLayout, updates: CompiledUpdates) {
    this.#runtime = runtime;
    this.#layout = layout;
    this.#updates = updates;
  }

  get exists(): boolean {
    return this.#exists;
  }

  /** `a ← decay · a + (1 − decay) · w`, at first `a = w`. @throws {RepvggError} `E_MEMORY`: there is no room for one. */
  update(decay: number): void {
    this.#assertRoom();
    const [keep, weight] = this.#exists ? [decay, 1 - decay] : [0, 1];
    this.#runtime.floats.set([keep, weight], this.#updates.settings.blend / 4);
    this.#runtime.run(this.#updates.programs.average);
    this.#exists = true;
  }

  /** The average in place of the values of `state`, which frozen parameters and counts keep. */
  export(state: StateDict): StateDict {
    const averaged = new Map(this.#slots().map((slot) => [slot.entry.name, slot]));
    const { averageOffset } = this.#layout;
    return new Map(
      [...state].map(([name, array]) => {
        const slot = averaged.get(name);
        return [name, slot ? readSlot(this.#runtime.floats, slot, averageOffset) : array];
      }),
    );
  }

  /** @param state Checked already. @throws {RepvggError} `E_MEMORY`: there is no room for one. */
  import(state: StateDict): void {
    this.#assertRoom();
    const { averageOffset } = this.#layout;
    for (const slot of this.#slots()) {
      writeSlot(this.#runtime, this.#layout, slot, state.get(slot.entry.name)!, averageOffset);
    }
    this.#exists = true;
  }

  /** Calls `run` while the average stands where the parameters do. @throws {RepvggError} `E_USAGE`: there is none yet. */
  during(run: () => void): void {
    if (!this.#exists) throw new RepvggError("E_USAGE", "There is no average yet: train with `averageDecay` first.");
    const { floats } = this.#runtime;
    const [start, end] = this.#bounds();
    const own = floats.slice(start, end);
    const offset = this.#layout.averageOffset / 4;
    floats.copyWithin(start, start + offset, end + offset);
    try {
      run();
    } finally {
      floats.set(own, start);
    }
  }

  /** The first float of parameters and statistics, and the one after the last. */
  #bounds(): [start: number, end: number] {
    const { decayed, statistics } = this.#layout;
    return [decayed.address / 4, statistics.address / 4 + statistics.floats];
  }

  #slots(): Slot[] {
    const [start, end] = this.#bounds();
    return [...this.#layout.slots.values()].filter(({ address }) => address / 4 >= start && address / 4 < end);
  }

  #assertRoom(): void {
    if (this.#layout.averageOffset > 0) return;
    throw new RepvggError(
      "E_MEMORY",
      "This network leaves no room for an average of its parameters in the 4 GiB that WebAssembly addresses. Use a smaller " +
        "batch or smaller images.",
    );
  }
}
