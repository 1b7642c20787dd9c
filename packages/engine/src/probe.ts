import { nodeModule } from "./node-module.ts";

/** V8 packs since Node 24; Node 22 accepts the flag and packs nothing, Node 20 prints an error. */
const FIRST_NODE = 24;
const FLAG = "--experimental-wasm-revectorize";

/**
 * Lets V8 make 256-bit instructions of the wide engine's paired 128-bit ones, which about doubles its speed.
 *
 * It sets a V8 flag for the whole process, so only applications should call this, libraries never; and before the first engine is
 * loaded, as modules that are compiled already stay as they are.
 *
 * @returns Whether the flag is set: false below Node 24 and outside of Node.
 */
export function enableWideKernels(): boolean {
  const major = Number.parseInt(globalThis.process?.versions?.node ?? "0", 10);
  const v8 = nodeModule<typeof import("node:v8")>("node:v8");
  if (major < FIRST_NODE || v8 === undefined) return false;
  v8.setFlagsFromString(FLAG);
  return true;
}

/** Turns of the probe's loops: about 20 µs. */
const TURNS = 1500;
const REPETITIONS = 7;
/** Halfway between not packed (1.0) and packed (2.6 on x86-64 with AVX2), below it. */
const PACKED_RATIO = 1.4;

/** Seconds of the fastest of several runs; the shortest is the least disturbed. */
function fastest(run: (address: number, turns: number) => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPETITIONS; i++) {
    const start = performance.now();
    run(0, TURNS);
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

/**
 * Whether 256-bit packing really happens in this process: times twins of one loop, one of which V8 can pack.
 *
 * Only time tells, as packing changes no bit of any result. In browsers, which have no such flag, false.
 */
export function revectorized(): boolean {
  const v8 = nodeModule<typeof import("node:v8")>("node:v8");
  const fs = nodeModule<typeof import("node:fs")>("node:fs");
  const major = Number.parseInt(globalThis.process?.versions?.node ?? "0", 10);
  if (v8 === undefined || fs === undefined || major < FIRST_NODE) return false;
  let bytes: Buffer;
  try {
    bytes = fs.readFileSync(new URL("../wasm/probe.wasm", import.meta.url));
  } catch {
    // A bundle without the file: the narrow engine is right anywhere.
    return false;
  }
  // Without the baseline compiler the loops are optimised at once, not after thousands of calls.
  v8.setFlagsFromString("--no-liftoff");
  try {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes)));
    const { packed, plain } = instance.exports as Record<string, (address: number, turns: number) => void>;
    for (const run of [packed!, plain!]) run(0, 4);
    return fastest(plain!) / fastest(packed!) > PACKED_RATIO;
  } finally {
    v8.setFlagsFromString("--liftoff");
  }
}
