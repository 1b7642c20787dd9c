import { cpus } from "node:os";
import { setTimeout } from "node:timers/promises";

const WATCH_MS = 400;
/** Of one core. */
const FREE = 0.15;

/** Processor time that all processes together have had, on all cores. */
export const busyCpuMs = () =>
  cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);

/** Returns once other processes leave the cores alone, or after `seconds` all the same: the result says what they took. */
export async function waitForFreeCores(seconds: number): Promise<void> {
  const begin = performance.now();
  let said = false;
  while (performance.now() - begin < seconds * 1000) {
    const [busy, start] = [busyCpuMs(), performance.now()];
    await setTimeout(WATCH_MS);
    const taken = (busyCpuMs() - busy) / (performance.now() - start);
    if (taken < FREE) return;
    if (!said) console.error(`Other processes take ${taken.toFixed(1)} cores: waiting up to ${seconds} s for them.`);
    said = true;
  }
}
