import { spawn } from "node:child_process";
import { constants } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const BIN = join(ROOT, "node_modules", ".bin");

/** The installed commands come first: `node` is then the pinned one, here and in every process below. */
export const ENVIRONMENT = {
  ...process.env,
  PATH: [BIN, process.env.PATH].join(delimiter),
  TURBO_TELEMETRY_DISABLED: "1",
  DO_NOT_TRACK: "1",
};

/** Prints one message and exits. */
export function fail(message, exitCode = 1) {
  console.error(message);
  process.exit(exitCode);
}

/** Runs a command in the root folder, with this process's input and output; resolves to its exit code as a shell gives it. */
export function run(command, args, environment = ENVIRONMENT) {
  return new Promise((resolve) => {
    // Windows finds `biome.cmd` only through a shell.
    const shell = process.platform === "win32";
    const child = spawn(command, args, { cwd: ROOT, env: environment, stdio: "inherit", shell });
    const release = passSignalsTo(child);
    child.on("error", (cause) => fail(`${command} could not be started: ${cause.message}`));
    child.on("close", (code, signal) => {
      const interrupted = release();
      const exitCode = signal ? 128 + constants.signals[signal] : code;
      if (interrupted) process.exit(exitCode); // nothing that would come next is wanted
      resolve(exitCode);
    });
  });
}

/** Runs a command; when it fails, exits with its exit code. */
export async function runOrExit(command, args, environment = ENVIRONMENT) {
  const code = await run(command, args, environment);
  if (code !== 0) process.exit(code);
}

/**
 * Stays alive on a signal until the child has ended in its own way. A terminal sends Ctrl-C to the child as well.
 *
 * @returns Ends the passing on; says whether a signal came.
 */
function passSignalsTo(child) {
  let interrupted = false;
  const interrupt = () => {
    interrupted = true;
    if (!process.stdin.isTTY) child.kill("SIGINT");
  };
  const terminate = () => {
    interrupted = true;
    child.kill("SIGTERM");
  };
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", terminate);
  return () => {
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", terminate);
    return interrupted;
  };
}
