import { experiments } from "./experiments.ts";

const controller = new AbortController();
process.on("SIGINT", () => {
  if (controller.signal.aborted) process.exit(130); // asked twice: at once
  process.stderr.write("\nStopping after this step …\n");
  controller.abort();
});
process.on("SIGTERM", () => controller.abort());

process.exitCode = await experiments(process.argv.slice(2), {
  cwd: process.env.INIT_CWD ?? process.cwd(), // npm's scripts run elsewhere than where they were asked for
  stdout: process.stdout,
  stderr: process.stderr,
  signal: controller.signal,
});
