import { RepvggError } from "@repvgg/core";
import { type Choice, chooseEngine, type EngineVariant, type LoadedEngine } from "./choose-engine.ts";
import { nodeModule } from "./node-module.ts";
import { revectorized } from "./probe.ts";
import { warn } from "./warn.ts";

export type { EngineVariant, LoadedEngine } from "./choose-engine.ts";

export interface LoadEngineOptions {
  /** Use this variant instead of choosing one. */
  readonly variant?: EngineVariant;
}

/** (module (func (result v128) (f32x4.relaxed_madd …))): valid only where relaxed SIMD is known. */
const RELAXED_SIMD_MODULE = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b, 0x03, 0x02, 0x01, 0x00,
  0x0a, 0x13, 0x01, 0x11, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0xfd, 0x85,
  0x02, 0x0b,
]);

/** Whether this JavaScript engine can run the variants with fused multiply-add. */
export const supportsRelaxedSimd = (): boolean => WebAssembly.validate(RELAXED_SIMD_MODULE);

function preferredVariant(): Choice {
  if (revectorized()) return { variant: "wide-fma", reason: "V8 packs pairs of vectors into 256 bits" };
  if (supportsRelaxedSimd()) {
    return { variant: "narrow-fma", reason: "no packing into 256 bits; relaxed SIMD is available" };
  }
  return { variant: "narrow", reason: "no relaxed SIMD" };
}

/** At once where there are files: a promise would take Node longer than to read these few, and compile them. */
export async function readBinary(url: URL): Promise<BufferSource> {
  const fs = url.protocol === "file:" ? nodeModule<typeof import("node:fs")>("node:fs") : undefined;
  if (fs) return new Uint8Array(fs.readFileSync(url));
  const response = await fetch(url);
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  return response.arrayBuffer();
}

/** Literal paths, which bundlers recognise. */
export const BINARY_URLS: Record<EngineVariant, () => URL> = {
  "wide-fma": () => new URL("../wasm/wide-fma.wasm", import.meta.url),
  "narrow-fma": () => new URL("../wasm/narrow-fma.wasm", import.meta.url),
  narrow: () => new URL("../wasm/narrow.wasm", import.meta.url),
};

const compiled = new Map<EngineVariant, Promise<WebAssembly.Module>>();

async function compile(variant: EngineVariant): Promise<WebAssembly.Module> {
  const url = BINARY_URLS[variant]();
  try {
    return await WebAssembly.compile(await readBinary(url));
  } catch (cause) {
    compiled.delete(variant);
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RepvggError(
      "E_DEVICE",
      `The WebAssembly engine (${variant}) cannot be loaded from ${url}: ${why}. In a checkout, build it with "npm run build".`,
      { cause },
    );
  }
}

/** Compiled once in a process. */
function moduleOf(variant: EngineVariant): Promise<WebAssembly.Module> {
  const module = compiled.get(variant) ?? compile(variant);
  compiled.set(variant, module);
  return module;
}

let chosen: Promise<LoadedEngine> | undefined;

/**
 * The engine's module: the fastest that runs here and passes the self-test, compiled once in a process.
 *
 * The self-test runs every operation on known answers, in a few milliseconds; a build that gives one bit wrong is passed over, with
 * a warning. It sees the code that the JavaScript engine has at first: the optimised code comes after some thousand turns of a
 * loop, and `testOptimized` sees that.
 *
 * @throws {RepvggError} `E_DEVICE`: the binary cannot be read, this JavaScript engine refuses it, or every build fails the self-test.
 */
export async function loadEngine({ variant }: LoadEngineOptions = {}): Promise<LoadedEngine> {
  if (variant) return { module: await moduleOf(variant), variant, reason: "asked for", refused: [] };
  chosen ??= chooseEngine(preferredVariant(), moduleOf, warn);
  chosen.catch(() => {
    chosen = undefined;
  });
  return chosen;
}
