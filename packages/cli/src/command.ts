import type { OptionSpecs, OptionValues } from "./option.ts";
import type { Terminal } from "./terminal.ts";

export interface Positional {
  readonly name: string;
  readonly help: string;
  /** The last one may take several values. */
  readonly many?: boolean;
  readonly optional?: boolean;
}

/** What a command leaves: one JSON value for `--json`, the same in words otherwise. */
export interface CommandResult {
  readonly value: unknown;
  readonly text: string;
  /** @default 0 */
  readonly exitCode?: number;
}

export interface Invocation<O extends OptionSpecs> {
  /** In the order of `positionals`. A `many` one gives all its values, from its place on. */
  readonly args: readonly string[];
  readonly options: OptionValues<O>;
  /** Only what was typed, without defaults: what wins over a config file. */
  readonly given: Partial<OptionValues<O>>;
  readonly terminal: Terminal;
}

/** One subcommand. Its module stays light: what does the work is imported inside `run`, which keeps `--help` instant. */
export interface Command<O extends OptionSpecs = OptionSpecs> {
  /** One word, or two: `data inspect` is under `data`. */
  readonly name: string;
  readonly summary: string;
  readonly example: string;
  readonly positionals: readonly Positional[];
  readonly options: O;
  run(invocation: Invocation<O>): Promise<CommandResult>;
}

export function defineCommand<const O extends OptionSpecs>(command: Command<O>): Command<O> {
  return command;
}
