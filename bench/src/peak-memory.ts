import { readFileSync } from "node:fs";

/**
 * The most memory that this process has held, in bytes.
 *
 * `ru_maxrss`, which Node gives, begins in a new process with what its parent had held when it started it (getrusage(2) of Linux), so that
 * a bench that has grown would set the floor of every peer. The kernel's own `VmHWM` does not.
 */
export function peakMemory(): number {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS * 1024;
  const [, kibibytes] = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  if (!kibibytes) throw new Error("/proc/self/status names no VmHWM.");
  return Number(kibibytes) * 1024;
}
