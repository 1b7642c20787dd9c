import { rmSync } from "node:fs";

/** Files and folders that must not outlive the process. */
const unfinished = new Set<string>();
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Removes a file or folder should the process end, by `process.exit` or a signal, before `keep` is called.
 *
 * Signals end the process as they would have; where the program has a handler of its own, that decides, and nothing is removed unless
 * it ends the process.
 *
 * @returns `keep`: what is there now is finished, or removed already.
 */
export function removeAtEnd(path: string): () => void {
  if (unfinished.size === 0) {
    process.on("exit", removeAll);
    for (const signal of SIGNALS) process.on(signal, endBy);
  }
  unfinished.add(path);
  return () => {
    if (unfinished.delete(path) && unfinished.size === 0) stopListening();
  };
}

function endBy(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  removeAll();
  stopListening();
  process.kill(process.pid, signal); // Nobody listens any more: it ends the process.
}

function removeAll(): void {
  for (const path of unfinished) rmSync(path, { recursive: true, force: true });
}

function stopListening(): void {
  process.off("exit", removeAll);
  for (const signal of SIGNALS) process.off(signal, endBy);
}
