// Where threads meet. Waiting is spinning for about 100 µs, as calls follow each other closely, and then sleeping, as another
// program may need the core. All state is in the reserved part of the memory.
import { ARRIVED, GENERATION, SLEEPERS } from "./generated";

const SPINS: i32 = 100_000;

/** Returns when the word at `address` is no longer `value`. */
export function waitWhile(address: i32, value: i32): void {
  for (let i = 0; i < SPINS; i++) if (atomic.load<i32>(address) !== value) return;
  atomic.add<i32>(SLEEPERS, 1);
  while (atomic.load<i32>(address) === value) atomic.wait<i32>(address, value, -1);
  atomic.sub<i32>(SLEEPERS, 1);
}

/** Adds 1 to the word at `address` and wakes who waits for it; no system call where nobody sleeps. */
export function advance(address: i32): void {
  atomic.add<i32>(address, 1);
  if (atomic.load<i32>(SLEEPERS) !== 0) atomic.notify(address, -1);
}

/** Returns when all of `threads` threads have come here. */
export function barrier(threads: i32): void {
  if (threads === 1) return;
  const generation = atomic.load<i32>(GENERATION);
  if (atomic.add<i32>(ARRIVED, 1) === threads - 1) {
    atomic.store<i32>(ARRIVED, 0);
    advance(GENERATION);
  } else {
    waitWhile(GENERATION, generation);
  }
}
