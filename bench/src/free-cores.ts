import { cpus } from "node:os";
import { setTimeout } from "node:timers/promises";

const WATCH_MS = 400;
const PATIENCE_MS = 20_000;
/** Of one core. */
const FREE = 0.15;

/** Processor time that all processes together have had, on all cores. */
export const busyCpuMs = () =>
  cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);

/** Returns once other processes leave the cores alone, or after a while all the same: the result says what they took. */
export async function waitForFreeCores(): Promise<void> {
  const begin = performance.now();
  while (performance.now() - begin < PATIENCE_MS) {
    const [busy, start] = [busyCpuMs(), performance.now()];
    await setTimeout(WATCH_MS);
    if (busyCpuMs() - busy < FREE * (performance.now() - start)) return;
  }
}
