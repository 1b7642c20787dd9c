// Runs programs: lists of call records, whose units the threads share.
import { CALL_BYTES, Call, CURRENT, STOP } from "./generated";
import { runUnits } from "./operations";
import { advance, waitWhile } from "./rendezvous";
import { doShare, open } from "./sharing";

/** Runs `calls` records from `program` on; returns when all of it is done. With one thread nothing waits. */
export function launch(program: i32, calls: i32, threads: i32): void {
  if (threads === 1) {
    for (let i = 0; i < calls; i++) {
      const call = changetype<Call>(program + i * CALL_BYTES);
      runUnits(program + i * CALL_BYTES, 0, call.units, call.scratch);
    }
    return;
  }
  const end = open(program, calls, threads);
  for (let current = atomic.load<i32>(CURRENT); current !== end; current = atomic.load<i32>(CURRENT)) {
    if (!doShare(current, 0)) waitWhile(CURRENT, current);
  }
}

/** The life of another thread: one of 1, 2, … in all launches of more than one thread, until `stop`. */
export function worker(thread: i32): void {
  while (true) {
    const current = atomic.load<i32>(CURRENT);
    if (atomic.load<i32>(STOP)) return;
    if (!doShare(current, thread)) waitWhile(CURRENT, current);
  }
}

/** Lets all workers return. */
export function stop(): void {
  atomic.store<i32>(STOP, 1);
  advance(CURRENT, 1);
}
