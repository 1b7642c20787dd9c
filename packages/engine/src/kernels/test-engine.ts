import { Worker } from "node:worker_threads";
import { expect } from "vitest";
import { type EngineVariant, loadEngine, supportsRelaxedSimd } from "../binaries.ts";
import { type OperationArguments, type OperationName, RESERVED_BYTES } from "../operations.ts";
import { Program } from "../program.ts";

/** What this Node can run: 20 has no relaxed SIMD. */
const VARIANTS: readonly EngineVariant[] = supportsRelaxedSimd() ? ["wide-fma", "narrow-fma", "narrow"] : ["narrow"];
/** Both ways that the operations run: alone, and sharing out units that do not divide evenly. */
const THREADS = [1, 3] as const;
const PAGES = 512;
const GUARD = 0x7fc0dead;
const GUARD_WORDS = 64;

/** Memory and calls of one test on one engine. */
export class TestMemory {
  readonly buffer: ArrayBufferLike;
  readonly program = new Program();
  #top = RESERVED_BYTES;

  constructor(buffer: ArrayBufferLike) {
    this.buffer = buffer;
    new Uint8Array(buffer).fill(0, RESERVED_BYTES);
  }

  get top(): number {
    return this.#top;
  }

  allocate(bytes: number): number {
    const address = this.#top;
    this.#top += Math.ceil(bytes / 64) * 64;
    if (this.#top > this.buffer.byteLength) throw new Error("The test needs more pages.");
    return address;
  }

  /** Address of a copy of `values`, or of as many zeros. */
  floats(values: ArrayLike<number> | number): number {
    const length = typeof values === "number" ? values : values.length;
    const address = this.allocate(length * 4);
    if (typeof values !== "number") new Float32Array(this.buffer, address, length).set(values);
    return address;
  }

  /** Address of a table. */
  table(values: readonly number[]): number {
    const address = this.allocate(values.length * 4);
    new Int32Array(this.buffer, address, values.length).set(values);
    return address;
  }

  call<Name extends OperationName>(operation: Name, units: number, args: OperationArguments<Name>): void {
    this.program.add(operation, units, args);
  }
}

interface Engine {
  readonly memory: WebAssembly.Memory;
  readonly exports: { init(): void; launch(program: number, calls: number, threads: number): void };
  readonly threads: number;
}

const engines = new Map<string, Promise<Engine>>();

async function startEngine(variant: EngineVariant, threads: number): Promise<Engine> {
  const { module } = await loadEngine({ variant });
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: 65536, shared: true });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const engine = { memory, exports: exports as unknown as Engine["exports"], threads };
  engine.exports.init();
  for (let thread = 1; thread < threads; thread++) {
    const worker = new Worker(new URL("../worker.js", import.meta.url));
    worker.postMessage({ module, memory, thread });
    await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
    worker.unref();
  }
  return engine;
}

function run({ memory, exports, threads }: Engine, test: TestMemory): void {
  const { program } = test;
  const bytes = program.scratchBytes;
  const scratch = test.allocate(bytes * threads);
  const guard = new Int32Array(memory.buffer, test.allocate(GUARD_WORDS * 4), GUARD_WORDS).fill(GUARD);
  const records = program.encode(scratch, bytes);
  const address = test.table([...records]);
  exports.launch(address, program.calls.length, threads);
  expect(
    guard.every((word) => word === GUARD),
    "scratch overflow",
  ).toBe(true);
}

/** A region to read when the calls have run. */
export type Region = readonly [address: number, floats: number];

/**
 * Runs the calls that `prepare` makes on every variant with 1 and with 3 threads.
 *
 * Asserts what holds for all operations: threads change no bit, and the two variants with FMA agree bit for bit.
 *
 * @returns The regions' contents, by variant.
 */
export async function runEverywhere(
  prepare: (memory: TestMemory) => readonly Region[],
): Promise<Map<EngineVariant, Float32Array[]>> {
  const results = new Map<EngineVariant, Float32Array[]>();
  for (const variant of VARIANTS) {
    for (const threads of THREADS) {
      const key = `${variant} ${threads}`;
      if (!engines.has(key)) engines.set(key, startEngine(variant, threads));
      const engine = (await engines.get(key))!;
      const test = new TestMemory(engine.memory.buffer);
      const regions = prepare(test);
      run(engine, test);
      const contents = regions.map(([address, length]) =>
        new Float32Array(engine.memory.buffer, address, length).slice(),
      );
      const alone = results.get(variant);
      if (alone) expectSameBits(contents, alone, `${variant}: ${threads} threads and 1`);
      else results.set(variant, contents);
    }
  }
  const wide = results.get("wide-fma");
  if (wide) expectSameBits(results.get("narrow-fma")!, wide, "narrow-fma and wide-fma");
  return results;
}

function expectSameBits(actual: readonly Float32Array[], expected: readonly Float32Array[], what: string): void {
  actual.forEach((floats, i) => {
    const a = new Int32Array(floats.buffer);
    const b = new Int32Array(expected[i]!.buffer);
    const index = a.findIndex((word, k) => word !== b[k]);
    expect(index, `${what} differ in region ${i} at ${index}: ${floats[index]}, ${expected[i]![index]}`).toBe(-1);
  });
}

/** Asserts |actual − reference| ≤ tolerance · max |reference| for every element of every variant. */
export function expectClose(
  results: ReadonlyMap<EngineVariant, Float32Array[]>,
  region: number,
  reference: ArrayLike<number>,
  tolerance: number,
): void {
  const largest = Array.from(reference).reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
  for (const [variant, regions] of results) {
    const actual = regions[region]!;
    expect(actual.length, "length").toBe(reference.length);
    let worst = 0;
    let at = 0;
    for (let i = 0; i < actual.length; i++) {
      const error = Math.abs(actual[i]! - reference[i]!);
      if (!(error <= worst)) [worst, at] = [error, i];
    }
    const message = `${variant}, region ${region}: element ${at} is ${actual[at]}, not ${reference[at]}`;
    expect(worst / largest, message).toBeLessThanOrEqual(tolerance);
  }
}

/** Reproducible floats in [−1, 1). */
export function randomFloats(length: number, seed = 1): Float32Array {
  let state = seed * 2654435769 + 12345;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}
