import { CommanderError } from "commander";
import pico from "picocolors";
import { COMMANDS, GROUPS } from "./commands.ts";
import { EXIT } from "./exit.ts";
import { createProgram } from "./program.ts";
import { isLively, type Streams } from "./terminal.ts";

/**
 * Runs one command line. Never throws and never ends the process: errors are printed to stderr.
 *
 * @param args Without the names of node and of the script.
 * @returns The exit code: 0, 1 for a failure, 2 for wrong usage, 130 after Ctrl-C.
 */
export async function runCli(args: readonly string[], streams: Streams): Promise<number> {
  let exitCode: number = EXIT.success;
  const program = createProgram(streams, ({ value, text, exitCode: code = EXIT.success }, terminal) => {
    const output = terminal.json ? JSON.stringify(value) : text;
    if (output !== "") streams.stdout.write(output.endsWith("\n") ? output : output + "\n");
    exitCode = code;
  });
  try {
    if (args.length === 0) {
      program.outputHelp({ error: true });
      return EXIT.usage;
    }
    await program.parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    return report(error, args, streams);
  }
}

/** Prints an error once and gives its exit code. */
function report(error: unknown, args: readonly string[], streams: Streams): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.success; // Help or the version, already printed.
    if (error.code === "commander.help") return EXIT.usage; // A group without its command: its help is printed.
    const message = error.message.replace(/^error: /, "").replace(/\n\(/, " (");
    write(streams, `${message}\nSee \`${helpOf(args)}\`.`);
    return EXIT.usage;
  }
  const { code, message, stack } = error as { code?: string; message?: string; stack?: string };
  if (code === "E_USAGE") {
    write(streams, `${message}\nSee \`${helpOf(args)}\`.`);
    return EXIT.usage;
  }
  if (code === "E_ABORTED") {
    streams.stderr.write(`${message}\n`);
    return EXIT.interrupted;
  }
  write(streams, streams.env.REPVGG_DEBUG ? (stack ?? String(error)) : (message ?? String(error)));
  return EXIT.failure;
}

function write(streams: Streams, message: string): void {
  const { red } = pico.createColors(isLively(streams));
  streams.stderr.write(`${red("error:")} ${message}\n`);
}

function helpOf(args: readonly string[]): string {
  const [first = "", second] = args;
  const command = COMMANDS.find(({ name }) => name === first || name === `${first} ${second}`);
  if (command) return `repvgg ${command.name} --help`;
  return first in GROUPS ? `repvgg ${first} --help` : "repvgg --help";
}
