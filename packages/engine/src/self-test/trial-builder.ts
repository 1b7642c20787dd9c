import type { MemoryPlan } from "../memory-plan.ts";
import type { OperationArguments, OperationName } from "../operations.ts";
import { floatBits, Program } from "../program.ts";
import { positive } from "./trial-noise.ts";

/** Floats of a region, and the operation that writes them. */
export interface TrialOutput {
  readonly operation: OperationName;
  readonly address: number;
  readonly floats: number;
}

/** A small program that runs every operation and every kernel, and where the answers are. */
export interface Trial {
  readonly program: Program;
  readonly outputs: readonly TrialOutput[];
  /** Operands of any sign: what {@link noise} fills. */
  readonly noise: { readonly address: number; readonly floats: number };
}

/** The longest operand, transformed kernels of Winograd: 36 planes of 16 × 16 floats and a gap. */
const OPERAND_FLOATS = 36 * (256 + 16);

/** Emits calls whose operands are pieces of the noise, and whose results each have a region. */
export class TrialBuilder {
  readonly program = new Program();
  readonly #memory: MemoryPlan;
  readonly #noise: number;
  readonly #outputs: TrialOutput[] = [];
  /** Results that no call has taken yet. */
  #pending: Omit<TrialOutput, "operation">[] = [];

  constructor(memory: MemoryPlan) {
    this.#memory = memory;
    this.#noise = memory.allocate(OPERAND_FLOATS * 4);
  }

  /** Adds a call, whose results are all that was allocated by {@link result} since the call before. */
  call<Name extends OperationName>(operation: Name, units: number, args: OperationArguments<Name>): void {
    this.program.add(operation, units, args);
    for (const result of this.#pending) this.#outputs.push({ operation, ...result });
    this.#pending = [];
  }

  /** The address of an operand: noise from its panel `panel` on. */
  operand(panel = 0): number {
    return this.#noise + panel * 64;
  }

  /** The address of floats that the call writes, or adds to. */
  result(floats: number): number {
    const address = this.#memory.allocate(floats * 4);
    this.#pending.push({ address, floats });
    return address;
  }

  /** A table of offsets, `step` bytes apart. */
  table(length: number, step: number): number {
    return this.#memory.table(`trial ${length} ${step}`, length, (i) => i * step);
  }

  /** Floats that must be what they are: settings, or positive ones. */
  constant(floats: readonly number[]): number {
    return this.integers(floats.map(floatBits));
  }

  integers(values: readonly number[]): number {
    const address = this.#memory.allocate(values.length * 4);
    this.#memory.constants.push({ address, content: () => Int32Array.from(values) });
    return address;
  }

  /** As {@link constant}, written by the call: what has to be positive before it. */
  positiveResult(floats: number): number {
    const address = this.constant(positive(floats));
    this.#pending.push({ address, floats });
    return address;
  }

  finish(): Trial {
    return {
      program: this.program,
      outputs: this.#outputs,
      noise: { address: this.#noise, floats: (this.#memory.bytes - this.#noise) / 4 },
    };
  }
}
