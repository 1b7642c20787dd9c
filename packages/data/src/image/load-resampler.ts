import { RepvggError } from "@repvgg/core";
import { type ResampleKernels, Resampler } from "./resampler.ts";

let compiled: Promise<WebAssembly.Module> | undefined;

/**
 * A resampler with a memory of its own. The module is compiled once.
 *
 * @throws {RepvggError} `E_DEVICE`: the binary cannot be read, or this JavaScript engine refuses it.
 */
export async function loadResampler(): Promise<Resampler> {
  compiled ??= compile();
  const { exports } = await WebAssembly.instantiate(await compiled);
  return new Resampler(exports as unknown as ResampleKernels);
}

async function compile(): Promise<WebAssembly.Module> {
  const url = new URL("../../wasm/resample.wasm", import.meta.url);
  try {
    return await WebAssembly.compile(await readBinary(url));
  } catch (cause) {
    compiled = undefined;
    throw new RepvggError(
      "E_DEVICE",
      `The WebAssembly for resizing cannot be loaded from ${url}: ${(cause as Error).message}. In a checkout, build it ` +
        `with "npm run build".`,
      { cause },
    );
  }
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
