import type { MemoryPlan } from "./memory-plan.ts";
import { CALL_RECORD, OPERATIONS, type OperationArguments, type OperationName } from "./operations.ts";
import { scratchBytes } from "./scratch.ts";

/** One call of the engine: an operation, how many independent units of work it has, and its arguments. */
export interface Call {
  readonly operation: OperationName;
  readonly units: number;
  readonly args: Readonly<Record<string, number>>;
}

const OPERATION_NAMES = Object.keys(OPERATIONS) as OperationName[];

/** A list of calls: what a layer plan compiles to. */
export class Program {
  readonly calls: Call[] = [];

  add<Name extends OperationName>(operation: Name, units: number, args: OperationArguments<Name>): void {
    this.calls.push({ operation, units, args });
  }

  /** Scratch that the most demanding call needs, a thread. */
  get scratchBytes(): number {
    const most = Math.max(0, ...this.calls.map(({ operation, args }) => scratchBytes(operation, args as never)));
    // One odd cache line between the threads' parts: equal strides of whole pages would share cache sets.
    return Math.ceil(most / 64) * 64 + 192;
  }

  /** The call records, as the WebAssembly reads them. */
  encode(scratch: number, scratchBytesPerThread: number): Int32Array {
    const words = CALL_RECORD.bytes / 4;
    const records = new Int32Array(this.calls.length * words);
    this.calls.forEach(({ operation, units, args }, i) => {
      const record = records.subarray(i * words, (i + 1) * words);
      record[CALL_RECORD.operation] = OPERATION_NAMES.indexOf(operation);
      record[CALL_RECORD.units] = units;
      record[CALL_RECORD.scratch] = scratch;
      record[CALL_RECORD.scratchBytes] = scratchBytesPerThread;
      OPERATIONS[operation].forEach((name, k) => {
        record[CALL_RECORD.arguments + k] = args[name]!;
      });
    });
    return records;
  }

  /** One line a call, for people. */
  toString(): string {
    return this.calls
      .map(({ operation, units, args }) => {
        const list = Object.entries(args).map(([name, value]) => `${name}=${value}`);
        return `${operation} ×${units} ${list.join(" ")}`;
      })
      .join("\n");
  }
}

const floatView = new Float32Array(1);
const intView = new Int32Array(floatView.buffer);

/** The bits of a float32, to pass one as an argument. */
export function floatBits(value: number): number {
  floatView[0] = value;
  return intView[0]!;
}

/** A program placed in memory, ready to run. */
export interface PlacedProgram {
  readonly program: Program;
  readonly address: number;
  readonly calls: number;
}

/** The calls from `start` to before `end`. */
export function partOf({ program, address }: PlacedProgram, start: number, end: number): PlacedProgram {
  return { program, address: address + start * CALL_RECORD.bytes, calls: end - start };
}

/** Adds the programs, and scratch for the most demanding of them, to the plan. */
export function placePrograms<Name extends string>(
  memory: MemoryPlan,
  programs: Record<Name, Program>,
  threads: number,
): Record<Name, PlacedProgram> {
  const list = Object.values<Program>(programs);
  const scratchBytes = Math.max(...list.map((program) => program.scratchBytes));
  const scratch = memory.allocate(scratchBytes * threads);
  const placed = Object.entries<Program>(programs).map(([name, program]) => {
    const calls = program.calls.length;
    const address = memory.allocate(calls * CALL_RECORD.bytes);
    memory.constants.push({ address, content: () => program.encode(scratch, scratchBytes) });
    return [name, { program, address, calls }];
  });
  return Object.fromEntries(placed);
}
