import { type StopRequest, stopOnSignals } from "@repvgg/distill/node";
import { EXIT } from "./exit.ts";
import { runCli } from "./run-cli.ts";

let stop: StopRequest | undefined;
function onInterrupt(say: (line: string) => void): AbortSignal {
  stop ??= stopOnSignals((again) => say(`Stopping after the running step; ${again} to stop at once.`));
  return stop.signal;
}

// A closed pipe (`repvgg variants | head`) is the reader's wish, not a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.success);
  throw error;
});

const { stdout, stderr, env } = process;
const exitCode = await runCli(process.argv.slice(2), { stdout, stderr, env, onInterrupt });
process.exitCode = exitCode === EXIT.interrupted ? (stop?.exitCode ?? exitCode) : exitCode;
