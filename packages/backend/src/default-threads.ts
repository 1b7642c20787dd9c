/** How many threads can run at the same time: all cores that this process may use. */
export async function defaultThreads(): Promise<number> {
  if (typeof process !== "undefined" && process.versions?.node) {
    const { availableParallelism } = await import("node:os");
    return availableParallelism();
  }
  return navigator.hardwareConcurrency;
}
