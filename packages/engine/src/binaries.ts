import { RepvggError } from "@repvgg/core";
import { revectorized } from "./probe.ts";

/** The builds of the engine: 256-bit with fused multiply-add, 128-bit with it, 128-bit without. */
export type EngineVariant = "wide-fma" | "narrow-fma" | "narrow";

export interface LoadedEngine {
  readonly module: WebAssembly.Module;
  readonly variant: EngineVariant;
  /** Why this variant, for people. */
  readonly reason: string;
}

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

function chooseVariant(): Omit<LoadedEngine, "module"> {
  if (revectorized()) return { variant: "wide-fma", reason: "V8 packs pairs of vectors into 256 bits" };
  if (supportsRelaxedSimd()) {
    return { variant: "narrow-fma", reason: "no packing into 256 bits; relaxed SIMD is available" };
  }
  return { variant: "narrow", reason: "no relaxed SIMD" };
}

async function readBinary(url: URL): Promise<BufferSource> {
  if (url.protocol === "file:") {
    const { readFile } = await import("node:fs/promises");
    return new Uint8Array(await readFile(url));
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  return response.arrayBuffer();
}

/** Literal paths, which bundlers recognise. */
const BINARY_URLS: Record<EngineVariant, () => URL> = {
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

let choice: Omit<LoadedEngine, "module"> | undefined;

/**
 * The engine's module: the fastest that runs here, compiled once in a process.
 *
 * @throws {RepvggError} E_DEVICE if the binary cannot be read or this JavaScript engine refuses it.
 */
export async function loadEngine(options: LoadEngineOptions = {}): Promise<LoadedEngine> {
  if (options.variant === undefined) choice ??= chooseVariant();
  const { variant, reason } = options.variant ? { variant: options.variant, reason: "asked for" } : choice!;
  const module = compiled.get(variant) ?? compile(variant);
  compiled.set(variant, module);
  return { module: await module, variant, reason };
}
