export { EXIT } from "./exit.ts";
export { runCli } from "./run-cli.ts";
export type { Streams } from "./terminal.ts";
