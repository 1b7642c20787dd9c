/** The reserved bytes at the start of the memory. Each word that threads wait on has a cache line of its own. */
export const MEMORY_MAP = {
  /** Number of launches so far: workers wait for it to change. */
  epoch: 64,
  /** What to run: program, calls, threads; then whether to stop. */
  launch: 128,
  /** Threads that have come to the barrier. */
  arrived: 192,
  /** Number of barriers passed: threads wait for it to change. */
  generation: 256,
  /** Threads that sleep instead of spinning. */
  sleepers: 320,
  /** A panel of zeros, never written. */
  zeros: 384,
  constants: 1024,
  constantsEnd: 2048,
} as const;
