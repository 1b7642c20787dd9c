// How threads wait: by spinning for about 100 µs, as calls follow each other closely, and then asleep, as others may need the core.
import { SLEEPERS } from "./generated";

const SPINS: i32 = 100_000;

/** Returns when the word at `address` is no longer `value`. */
export function waitWhile(address: i32, value: i32): void {
  for (let i = 0; i < SPINS; i++) if (atomic.load<i32>(address) !== value) return;
  atomic.add<i32>(SLEEPERS, 1);
  while (atomic.load<i32>(address) === value) atomic.wait<i32>(address, value, -1);
  atomic.sub<i32>(SLEEPERS, 1);
}

/** Adds to the word at `address` and wakes who waits for it; no system call where nobody sleeps. */
export function advance(address: i32, count: i32): void {
  atomic.add<i32>(address, count);
  if (atomic.load<i32>(SLEEPERS) !== 0) atomic.notify(address, -1);
}
