import type { MemoryPlan } from "../memory-plan.ts";
import type { OperationArguments, OperationName } from "../operations.ts";

/** What operations do to a memory: plain loops, sums in float64. */
export type Meanings<Name extends OperationName> = {
  readonly [Operation in Name]: (memory: InterpretedMemory, a: OperationArguments<Operation>, units: number) => void;
};

/** The memory of a plan, with its constants in place. */
export class InterpretedMemory {
  readonly floats: Float32Array;
  readonly words: Int32Array;

  constructor(plan: MemoryPlan) {
    const buffer = new ArrayBuffer(Math.ceil(plan.bytes / 64) * 64);
    this.floats = new Float32Array(buffer);
    this.words = new Int32Array(buffer);
    for (const { address, content } of plan.constants) this.words.set(content(), address / 4);
  }

  /** Floats from an address on. */
  vector(address: number): Float32Array {
    return this.floats.subarray(address / 4);
  }

  /** The float whose bits an argument holds. */
  bits(word: number): number {
    return new Float32Array(Int32Array.of(word).buffer)[0]!;
  }
}
