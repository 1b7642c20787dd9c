import { loadWasm } from "./load-wasm.ts";
import { type ResampleKernels, Resampler } from "./resampler.ts";

/**
 * A resampler with a memory of its own.
 *
 * @throws {RepvggError} `E_DEVICE`: the binary cannot be read, or this JavaScript engine refuses it.
 */
export async function loadResampler(): Promise<Resampler> {
  return new Resampler(await loadWasm<ResampleKernels>("resample", "resizing"));
}
