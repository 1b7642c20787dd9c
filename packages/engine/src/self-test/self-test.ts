import type { EngineVariant } from "../choose-engine.ts";
import { MemoryPlan } from "../memory-plan.ts";
import type { OperationName } from "../operations.ts";
import { type PlacedProgram, placePrograms } from "../program.ts";
import { KNOWN_ANSWERS } from "./known-answers.ts";
import { placeTrial } from "./trial.ts";
import type { TrialOutput } from "./trial-builder.ts";
import { noise } from "./trial-noise.ts";

/** How products are added up: in one rounding, or in two. */
export type Rounding = "fused" | "separate";

/** A hash of what each operation of the trial writes. */
export type Answers = Readonly<Record<OperationName, number>>;

const PAGE_BYTES = 65536;

export const rounding = (variant: EngineVariant): Rounding => (variant === "narrow" ? "separate" : "fused");

/** A trial in a memory of its own, which no module has run on yet. */
export interface PreparedTrial {
  readonly memory: WebAssembly.Memory;
  readonly program: PlacedProgram;
  readonly outputs: readonly TrialOutput[];
}

/** Places the trial and its operands: half of the self-test's time, and nothing in it needs the module. */
export function prepareTrial(): PreparedTrial {
  const plan = new MemoryPlan();
  const trial = placeTrial(plan);
  const { run } = placePrograms(plan, { run: trial.program }, 1);
  const pages = Math.ceil(plan.bytes / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const words = new Int32Array(memory.buffer);
  new Float32Array(memory.buffer).set(noise(trial.noise.floats), trial.noise.address / 4);
  for (const { address, content } of plan.constants) words.set(content(), address / 4);
  return { memory, program: run, outputs: trial.outputs };
}

/** Runs the trial on a module: every operation, and every kernel but for other numbers of rows than its tile's. */
export function answersOf(
  module: WebAssembly.Module,
  { memory, program, outputs }: PreparedTrial = prepareTrial(),
): Answers {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const engine = exports as unknown as { init(): void; launch(program: number, calls: number, threads: number): void };
  engine.init();
  engine.launch(program.address, program.calls, 1);
  return hashes(new Int32Array(memory.buffer), outputs);
}

/** FNV-1a by words, with a shift, without which the signs of two floats would cancel out. */
function hashes(words: Int32Array, outputs: readonly TrialOutput[]): Answers {
  const answers: Partial<Record<OperationName, number>> = {};
  for (const { operation, address, floats } of outputs) {
    let hash = answers[operation] ?? 0x811c9dc5;
    for (let i = address / 4; i < address / 4 + floats; i++) {
      hash = Math.imul(hash ^ words[i]!, 0x01000193);
      hash ^= hash >>> 15;
    }
    answers[operation] = hash;
  }
  return answers as Answers;
}

/**
 * The operations whose answers are not the known ones, bit for bit, or the error that ended them; empty where all is right.
 *
 * @param trial Used up.
 */
export function wrongOperations(
  module: WebAssembly.Module,
  expected: Rounding,
  trial: PreparedTrial = prepareTrial(),
): readonly string[] {
  try {
    const answers = answersOf(module, trial);
    return Object.entries(KNOWN_ANSWERS[expected]).flatMap(([name, hash]) =>
      answers[name as OperationName] === hash ? [] : [name],
    );
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
