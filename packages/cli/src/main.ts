import { EXIT } from "./exit.ts";
import { runCli } from "./run-cli.ts";

/** Each asks to stop; the exit code is 128 and the signal's number, as shells have it. */
const STOPS = {
  SIGINT: { code: EXIT.interrupted, again: "press Ctrl-C again" },
  SIGTERM: { code: EXIT.terminated, again: "send SIGTERM again" },
} as const;
let stoppedBy: keyof typeof STOPS = "SIGINT";

/** The first Ctrl-C, or a scheduler's SIGTERM, asks to stop after the running step; the second one stops at once. */
function onInterrupt(say: (line: string) => void): AbortSignal {
  const controller = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    const { code, again } = STOPS[name];
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(code);
      stoppedBy = name;
      say(`Stopping after the running step; ${again} to stop at once.`);
      controller.abort();
    });
  }
  return controller.signal;
}

// A closed pipe (`repvgg variants | head`) is the reader's wish, not a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.success);
  throw error;
});

const { stdout, stderr, env } = process;
const exitCode = await runCli(process.argv.slice(2), { stdout, stderr, env, onInterrupt });
process.exitCode = exitCode === EXIT.interrupted ? STOPS[stoppedBy].code : exitCode;
