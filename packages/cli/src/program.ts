import { Command as Commander, Option } from "commander";
import type { Command, CommandResult } from "./command.ts";
import { COMMANDS, GROUPS } from "./commands.ts";
import { choicesText, defaultText, flagUsage, type OptionSpec } from "./option.ts";
import { type RawOptions, readOptions } from "./read-options.ts";
import { type Streams, Terminal } from "./terminal.ts";
import { version } from "./version.ts";

/** Called with what a command left. */
type OnResult = (result: CommandResult, terminal: Terminal) => void;

/**
 * The command line: parses, checks and dispatches. What is wrong is thrown, not printed.
 *
 * `parseAsync` of it throws a `CommanderError` (help, the version, an unknown flag), or what the command throws.
 */
export function createProgram(streams: Streams, onResult: OnResult): Commander {
  const program = new Commander("repvgg");
  program
    .description("RepVGG for TypeScript: train, distil, fuse, prove and run.")
    .version(version(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help; after a command: its options")
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => streams.stdout.write(text),
      writeErr: (text) => streams.stderr.write(text),
      outputError: () => {}, // Thrown as well; printed once, by whoever runs the program.
    })
    .addHelpText("after", "\nExample:\n  $ repvgg summary a0 --form deploy");
  for (const command of COMMANDS) {
    const [group, name] = command.name.split(" ");
    const parent = name === undefined ? program : groupOf(program, group!);
    addCommand(parent, { ...command, name: name ?? group! }, streams, onResult);
  }
  return program;
}

/** `data`, under which `inspect` and `download` are; or a command of its own, as `devices` is. */
function groupOf(program: Commander, name: string): Commander {
  const there = program.commands.find((command) => command.name() === name);
  if (there) return there.enablePositionalOptions(); // what stands after the second word is that command's
  const summary = GROUPS[name]!;
  return program
    .command(name)
    .summary(summary)
    .description(summary)
    .helpOption("-h, --help", "print this help")
    .helpCommand(false);
}

function addCommand(parent: Commander, definition: Command, streams: Streams, onResult: OnResult): void {
  const command = parent
    .command(definition.name)
    .summary(definition.summary)
    .description(definition.summary)
    .helpOption("-h, --help", "print this help")
    .addHelpText("after", `\nExample:\n  $ ${definition.example}`);
  for (const { name, help, many, optional } of definition.positionals) {
    const usage = name + (many ? "..." : "");
    command.argument(optional ? `[${usage}]` : `<${usage}>`, help);
  }
  for (const [key, spec] of Object.entries(definition.options)) command.addOption(toOption(key, spec));
  command.addOption(new Option("--json", "print one JSON value on stdout and nothing else there (default: off)"));

  command.action(async () => {
    const raw = command.opts<RawOptions>();
    const terminal = new Terminal(streams, raw.json === true);
    const { options, given } = await readOptions(definition.options, raw);
    onResult(await definition.run({ args: command.args, options, given, terminal }), terminal);
  });
}

function toOption(key: string, spec: OptionSpec): Option {
  const choices = spec.kind === "choice" ? `${choicesText(spec)}; ` : "";
  const option = new Option(flagUsage(key, spec), `${spec.help} (${choices}default: ${defaultText(spec)})`);
  if (spec.kind !== "text") return option;
  if (spec.alone) return option.preset(spec.alone);
  if (!spec.several) return option;
  return option.argParser((value: string, before?: string) => (before === undefined ? value : `${before},${value}`));
}
