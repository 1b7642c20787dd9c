import { MOST_THREADS } from "@repvgg/engine";

/** How many threads can run at the same time: all cores that this process may use, if the engine has so many threads. */
export async function defaultThreads(): Promise<number> {
  return Math.min(await cores(), MOST_THREADS);
}

async function cores(): Promise<number> {
  if (typeof process !== "undefined" && process.versions?.node) {
    const { availableParallelism } = await import("node:os");
    return availableParallelism();
  }
  return navigator.hardwareConcurrency;
}
