import { stopOnSignals } from "@repvgg/distill/node";
import { quickstart } from "./quickstart.ts";

const stop = stopOnSignals((again) => process.stderr.write(`\nStopping after this step; ${again} to stop at once.\n`));

const exitCode = await quickstart(process.argv.slice(2), {
  env: process.env,
  cwd: process.env.INIT_CWD ?? process.cwd(), // npm's scripts run elsewhere than where they were asked for
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stop.signal,
});
process.exitCode = stop.signal.aborted && exitCode === 130 ? stop.exitCode : exitCode;
