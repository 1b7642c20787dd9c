/** The reserved bytes at the start of the memory. What threads wait for has a cache line of its own. */
export const MEMORY_MAP = {
  /** Serial number of the call that is being run, counted over all launches: threads wait for it to change. */
  current: 64,
  /** What to run: program, calls, threads, serial number of the first call. */
  launch: 128,
  /** Whether the threads are to return. */
  stop: 192,
  /** Threads that sleep instead of spinning. */
  sleepers: 320,
  /** A panel of zeros, never written. */
  zeros: 384,
  constants: 1024,
  constantsEnd: 2048,
  /** Shares of the current call that are done. */
  done: 2048,
  /** A word a share, to the end of the reserved bytes. */
  shares: 2052,
} as const;
