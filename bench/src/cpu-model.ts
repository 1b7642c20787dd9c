import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";

/**
 * What the times depend on, such as `AMD EPYC, family 25 model 1, AVX2, 2 cores`.
 *
 * Virtual machines hide the model's name, and native libraries gain from AVX-512 what WebAssembly cannot, so where Linux tells them the
 * family, the model and the widest vectors are part of it.
 */
export function cpuModel(): string {
  const name = cpus()[0]?.model.trim() || "unknown";
  const details = process.platform === "linux" ? linuxDetails(readFileSync("/proc/cpuinfo", "utf8")) : [];
  return [name, ...details, `${availableParallelism()} cores`].join(", ");
}

/** @param cpuInfo The text of /proc/cpuinfo; only x86 has these lines. */
export function linuxDetails(cpuInfo: string): string[] {
  const field = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(cpuInfo)?.[1];
  const [family, model, flags] = [field("cpu family"), field("model"), field("flags")?.split(" ")];
  const vectors = flags && (flags.includes("avx512f") ? "AVX-512" : flags.includes("avx2") ? "AVX2" : "no AVX2");
  return [...(family && model ? [`family ${family} model ${model}`] : []), ...(vectors ? [vectors] : [])];
}
