import { EXIT } from "./exit.ts";
import { runCli } from "./run-cli.ts";

/** The first Ctrl-C asks to stop after the running step; the second one stops at once. */
function onInterrupt(): AbortSignal {
  const controller = new AbortController();
  process.on("SIGINT", () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    process.stderr.write("\nStopping after the running step; press Ctrl-C again to stop at once.\n");
    controller.abort();
  });
  return controller.signal;
}

// A closed pipe (`repvgg variants | head`) is the reader's wish, not a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.success);
  throw error;
});

const { stdout, stderr, env } = process;
const exitCode = await runCli(process.argv.slice(2), { stdout, stderr, env, onInterrupt });
process.exitCode = exitCode;
