import { RepvggError } from "@repvgg/core";

const compiled = new Map<string, Promise<WebAssembly.Module>>();

/**
 * An instance of one of the package's modules, with a memory of its own. The module is compiled once.
 *
 * @param name The module is ../../wasm/NAME.wasm.
 * @param purpose For the message: "resizing".
 * @throws {RepvggError} `E_DEVICE`: the binary cannot be read, or this JavaScript engine refuses it.
 */
export async function loadWasm<Exports>(name: "jpeg" | "resample", purpose: string): Promise<Exports> {
  const module = compiled.get(name) ?? compile(name, purpose);
  compiled.set(name, module);
  const { exports } = await WebAssembly.instantiate(await module);
  return exports as unknown as Exports;
}

async function compile(name: "jpeg" | "resample", purpose: string): Promise<WebAssembly.Module> {
  // Written out, so that bundlers find both files.
  const url =
    name === "jpeg"
      ? new URL("../../wasm/jpeg.wasm", import.meta.url)
      : new URL("../../wasm/resample.wasm", import.meta.url);
  try {
    return await WebAssembly.compile(await readBinary(url));
  } catch (cause) {
    compiled.delete(name);
    throw new RepvggError(
      "E_DEVICE",
      `The WebAssembly for ${purpose} cannot be loaded from ${url}: ${(cause as Error).message}. In a checkout, build it ` +
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
