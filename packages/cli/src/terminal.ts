/** What the command line is connected to. */
export interface Streams {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Ends when the user asks to stop; only called by commands that can stop cleanly.
   *
   * @param say Writes a line between what the command writes.
   */
  onInterrupt?(say: (line: string) => void): AbortSignal;
}

/** How a command speaks while it works: results to stdout, everything else to stderr. */
export class Terminal {
  readonly json: boolean;
  /** Colours and moving bars: only for people, on a terminal. */
  readonly lively: boolean;
  readonly env: Streams["env"];
  readonly #streams: Streams;
  #interrupt: AbortSignal | undefined;
  /** Clears the moving bar while it writes. */
  #aside: ((write: () => void) => void) | undefined;

  constructor(streams: Streams, json: boolean) {
    this.#streams = streams;
    this.json = json;
    this.env = streams.env;
    this.lively = isLively(streams);
  }

  /** A line of the result. Goes to stderr with `--json`, where stdout carries one JSON value and nothing else. */
  print(line: string): void {
    (this.json ? this.#streams.stderr : this.#streams.stdout).write(line + "\n");
  }

  /** A note or progress. */
  note(line: string): void {
    const write = () => void this.#streams.stderr.write(line + "\n");
    if (this.#aside) this.#aside(write);
    else write();
  }

  /** From now on a bar moves on the last line. @param aside Clears it while something is written; undefined when it has ended. */
  setBar(aside: ((write: () => void) => void) | undefined): void {
    this.#aside = aside;
  }

  /** That a line of a note may have; no limit where lines are for files. */
  get columns(): number {
    return (this.lively && this.#streams.stderr.columns) || Number.POSITIVE_INFINITY;
  }

  get stderr(): NodeJS.WritableStream {
    return this.#streams.stderr;
  }

  /** From here on Ctrl-C asks the command to stop rather than ending the process. The same signal at each call. */
  interruptSignal(): AbortSignal {
    // A terminal has written ^C, behind which a line cannot begin; a bar's line is cleared.
    const say = (line: string) => this.note(this.lively && !this.#aside ? `\n${line}` : line);
    this.#interrupt ??= this.#streams.onInterrupt?.(say) ?? new AbortController().signal;
    return this.#interrupt;
  }
}

/** @see https://no-color.org: any value but the empty one turns colour off. */
export function isLively({ stderr, env }: Streams): boolean {
  return stderr.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
}
