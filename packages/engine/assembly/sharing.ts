// Who does what of a program. A call's units are dealt out in shares, one a thread: each takes its own first, always the same units,
// which its caches know, and then what others have not begun. A call is over when all its shares are done: a thread that has not woken
// yet, or that lost its core, holds up the others by no more than the share that it is at.
//
// (Declared functions only: a function value would be data at the start of the memory.)
import { CALL_BYTES, Call, CURRENT, DONE, LAUNCH, SHARES } from "./generated";
import { runUnits } from "./operations";
import { advance } from "./rendezvous";

// What the host launched, stable while a call is not over.
const PROGRAM: i32 = LAUNCH;
const CALLS: i32 = LAUNCH + 4;
const THREADS: i32 = LAUNCH + 8;
/** Serial number of the first call: a memory counts all calls that it has seen. */
const FIRST: i32 = LAUNCH + 12;

/** Of a share that somebody has taken: a number that no call near has. */
const TAKEN: i32 = i32.MIN_VALUE;

/** A word a share: the serial number of its call, from when it is taken on with {@link TAKEN}. */
function shareAddress(share: i32): i32 {
  return SHARES + (share << 2);
}

function recordOf(index: i32): i32 {
  return load<i32>(PROGRAM) + index * CALL_BYTES;
}

/** Writes what is launched, and starts its first call; returns the value of CURRENT with which all calls are over. */
export function open(program: i32, calls: i32, threads: i32): i32 {
  const first = atomic.load<i32>(CURRENT) + 1;
  store<i32>(PROGRAM, program);
  store<i32>(CALLS, calls);
  atomic.store<i32>(THREADS, threads);
  store<i32>(FIRST, first);
  startNext(-1);
  return first + calls;
}

/** Lets the threads have the call after `index`, or, where it has no units, the next that has any. */
function startNext(index: i32): void {
  const calls = load<i32>(CALLS);
  let next = index + 1;
  while (next < calls && changetype<Call>(recordOf(next)).units === 0) next++;
  if (next < calls) {
    const shares = min(load<i32>(THREADS), changetype<Call>(recordOf(next)).units);
    const serial = load<i32>(FIRST) + next;
    atomic.store<i32>(DONE, 0);
    for (let share = 0; share < shares; share++) atomic.store<i32>(shareAddress(share), serial);
  }
  // Added, not stored: others may have been through this call and the next before this thread comes here.
  advance(CURRENT, next - index);
}

/** Does a share of call `current`, if there is one that nobody has taken. */
export function doShare(current: i32, thread: i32): bool {
  const threads = atomic.load<i32>(THREADS);
  for (let i = 0; i < threads; i++) {
    const share = thread + i < threads ? thread + i : thread + i - threads;
    const address = shareAddress(share);
    if (atomic.load<i32>(address) !== current) continue;
    if (atomic.cmpxchg<i32>(address, current, current ^ TAKEN) !== current) continue;
    // From here on the call cannot end without this thread.
    finishShare(current - load<i32>(FIRST), share, thread);
    return true;
  }
  return false;
}

/** Runs a share of call `index`; starts the next call if it was the last that was missing. */
function finishShare(index: i32, share: i32, thread: i32): void {
  const address = recordOf(index);
  const call = changetype<Call>(address);
  const shares = min(load<i32>(THREADS), call.units);
  const start = <i32>((<i64>call.units * share) / shares),
    end = <i32>((<i64>call.units * (share + 1)) / shares);
  runUnits(address, start, end, call.scratch + thread * call.scratchBytes);
  if (atomic.add<i32>(DONE, 1) === shares - 1) startNext(index);
}
