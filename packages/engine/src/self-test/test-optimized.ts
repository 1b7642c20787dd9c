import { BINARY_URLS, readBinary } from "../binaries.ts";
import type { EngineVariant } from "../choose-engine.ts";
import { nodeModule } from "../node-module.ts";
import { rounding, wrongOperations } from "./self-test.ts";

/** The first whose V8 knows the flag by this name. */
const FIRST_INLINING_NODE = 24;
/** An empty custom section: the module means the same, and V8 does not know it. */
const OWN_SECTION = [0x00, 0x07, 0x06, ...new TextEncoder().encode("repvgg")];

/**
 * Whether V8 inlines functions by what the baseline compiler's code has counted. Without that code, the V8 of Node 26 ends the
 * process on the missing counts.
 */
const inlines = () => Number.parseInt(process.versions.node, 10) >= FIRST_INLINING_NODE;

/**
 * The self-test on V8's optimised code, 256-bit code included, which {@link loadEngine} cannot wait for: some tenths of a second.
 *
 * @returns The operations that gave wrong answers; undefined outside of Node, where nothing tells V8 to optimise at once.
 */
export async function testOptimized(variant: EngineVariant): Promise<readonly string[] | undefined> {
  const v8 = nodeModule<typeof import("node:v8")>("node:v8");
  if (v8 === undefined) return undefined;
  const bytes = new Uint8Array((await readBinary(BINARY_URLS[variant]())) as ArrayBufferLike);
  // V8 would give the code that it has of these bytes, which may be the baseline compiler's.
  const unknown = Uint8Array.of(...bytes, ...OWN_SECTION);
  const flags = ["liftoff", ...(inlines() ? ["wasm-inlining"] : [])];
  for (const flag of flags) v8.setFlagsFromString(`--no-${flag}`);
  try {
    return wrongOperations(new WebAssembly.Module(unknown), rounding(variant));
  } finally {
    for (const flag of flags) v8.setFlagsFromString(`--${flag}`);
  }
}
