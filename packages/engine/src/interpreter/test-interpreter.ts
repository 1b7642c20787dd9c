import type { MemoryPlan } from "../memory-plan.ts";
import type { OperationName } from "../operations.ts";
import type { Program } from "../program.ts";
import type { ParameterMemory } from "../transfer.ts";
import { batchNormMeanings } from "./test-batch-norm.ts";
import { elementwiseMeanings } from "./test-elementwise.ts";
import { gateMeanings } from "./test-gate.ts";
import { InterpretedMemory, type Meanings } from "./test-memory.ts";
import { productMeanings } from "./test-products.ts";
import { updateMeanings } from "./test-updates.ts";
import { winogradMeanings } from "./test-winograd.ts";

/**
 * The operations once more, slowly. It says what each operation means, and lets tests tell a wrong program from a wrong kernel.
 */
export class Interpreter extends InterpretedMemory {
  readonly #meanings: Meanings<OperationName>;

  constructor(plan: MemoryPlan) {
    super(plan);
    this.#meanings = {
      ...productMeanings,
      ...winogradMeanings(),
      ...batchNormMeanings,
      ...elementwiseMeanings,
      ...gateMeanings,
      ...updateMeanings,
    };
  }

  /** What arrays are written by. */
  get parameterMemory(): ParameterMemory {
    return { floats: this.floats, run: ({ program }) => this.run(program) };
  }

  run(program: Program): void {
    for (const { operation, units, args } of program.calls) this.#meanings[operation](this, args as never, units);
  }
}
