/**
 * Checks that V8 packs the wide kernels into 256 bits: `node scripts/check-packing.ts [file.wasm]`, on Node ≥ 24, x86-64.
 *
 * A function whose stores come in pairs must have every tree of them packed; one failure unpacks the whole function, silently and
 * at half the speed. And none may put 256 bits together from halves (vinserti128): that is how V8 packs loads that it cannot tell
 * to be adjacent. The trace's wording is V8's own, that of Node 24 and that of Node 26: a version that words it differently fails here, with 0 functions.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** What V8 said about one function. */
interface Packing {
  trees: number;
  failed: number;
  packed: boolean;
  halves: number;
}

const FLAGS = [
  "--experimental-wasm-revectorize",
  "--trace-wasm-revectorize",
  "--print-wasm-code",
  "--no-liftoff",
  "--no-wasm-lazy-compilation",
  "--no-wasm-native-module-cache",
  "--single-threaded",
];
const COMPILE = "new WebAssembly.Module(require('node:fs').readFileSync(process.argv[1]))";

function readTrace(trace: string): Map<string, Packing> {
  const functions = new Map<string, Packing>();
  let current: Packing | undefined;
  for (const line of trace.split("\n")) {
    // A function's trace, and later its code.
    const name = line.match(/^(?:Begin revec function|name:) (.*)/)?.[1];
    if (name !== undefined) {
      current = functions.get(name) ?? { trees: 0, failed: 0, packed: false, halves: 0 };
      functions.set(name, current);
    }
    if (current === undefined) continue;
    if (/After (build tree|tree building)/.test(line)) current.trees++;
    if (line.includes("Build tree failed")) current.failed++;
    if (/Decided? to vectorize/.test(line)) current.packed = true;
    if (/vinsert[if]128/.test(line)) current.halves++;
  }
  return functions;
}

const file = process.argv[2] ?? fileURLToPath(new URL("../wasm/wide-fma.wasm", import.meta.url));
const { stdout, status } = spawnSync(process.execPath, [...FLAGS, "-e", COMPILE, file], {
  encoding: "utf8",
  maxBuffer: 1 << 28,
});
if (status !== 0) throw new Error(`Node ended with status ${status}; is it 24 or newer?`);

const withPairs = [...readTrace(stdout)].filter(([, { trees, failed }]) => trees + failed > 0);
const unpacked = withPairs.filter(([, { failed, packed, halves }]) => failed > 0 || !packed || halves > 0);
for (const [name, { trees, failed, halves }] of unpacked) {
  console.error(`not packed: ${name} (${failed} of ${trees + failed} trees failed, ${halves} values made of halves)`);
}
console.log(
  `Node ${process.versions.node}: ${withPairs.length - unpacked.length} of ${withPairs.length} functions with paired stores are packed`,
);
if (unpacked.length > 0 || withPairs.length === 0) process.exitCode = 1;
