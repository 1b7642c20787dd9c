/** Each asks to stop; the exit code is 128 and the signal's number, as shells have it. */
const STOPS = {
  SIGINT: { code: 130, again: "press Ctrl-C again" },
  SIGTERM: { code: 143, again: "send SIGTERM again" },
} as const;

/** Whether the process has been asked to stop. */
export interface StopRequest {
  /** For a Trainer, and all else that can stop cleanly. */
  readonly signal: AbortSignal;
  /** What a process that was stopped ends with: 143 after SIGTERM, else 130. */
  readonly exitCode: number;
}

/**
 * Lets the first Ctrl-C, or a scheduler's SIGTERM, ask to stop after the running step. The second one ends the process at once.
 *
 *     const stop = stopOnSignals((again) => console.error(`Stopping after this step; ${again} to stop at once.`));
 *     await new Trainer({ network, data, epochs, save, signal: stop.signal }).run();
 *
 * @param onStop Called at the first, with what to do for the second.
 */
export function stopOnSignals(onStop: (again: string) => void): StopRequest {
  const controller = new AbortController();
  let exitCode: number = STOPS.SIGINT.code;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    const { code, again } = STOPS[name];
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(code);
      exitCode = code;
      onStop(again);
      controller.abort();
    });
  }
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
  };
}
