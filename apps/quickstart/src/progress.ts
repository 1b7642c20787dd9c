import { duration } from "@repvgg/report";
import { SingleBar } from "cli-progress";

/** Where progress goes: standard error, or something like it. */
export interface ProgressStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
}

/** Seconds between two lines when there is no terminal to draw on. */
const LINE_SECONDS = 5;

/**
 * Progress of the whole run: a bar on a terminal, a line every few seconds elsewhere. The time left is that of the whole run,
 * from the work that was announced and how fast it has gone so far.
 */
export class Progress {
  readonly #stream: ProgressStream;
  readonly #totalWork: number;
  readonly #moving: boolean;
  readonly #now: () => number;
  readonly #started: number;
  #doneWork = 0;
  #skippedWork = 0;
  #bar: SingleBar | undefined;
  #lastLine: number;

  /**
   * @param totalWork In any unit; the same as that of {@link stage}.
   * @param options.plain Lines even on a terminal.
   * @param options.now Seconds; for tests.
   */
  constructor(
    stream: ProgressStream,
    totalWork: number,
    { plain = false, now = () => performance.now() / 1000 }: { plain?: boolean; now?: () => number } = {},
  ) {
    this.#stream = stream;
    this.#totalWork = totalWork;
    this.#moving = stream.isTTY === true && !plain;
    this.#now = now;
    this.#started = now();
    this.#lastLine = this.#started;
  }

  /** A line that stays. */
  log(line: string): void {
    this.#stopBar();
    this.#stream.write(`${line}\n`);
    this.#lastLine = this.#now();
  }

  /** Work that was announced and need not be done. */
  skip(work: number): void {
    this.#skippedWork += work;
  }

  /**
   * Runs one stage of the work.
   *
   * @param run Is given a function to tell how much of the stage is done, 0 to 1, with a note.
   */
  async stage<T>(
    name: string,
    work: number,
    run: (update: (fraction: number, note?: string) => void) => Promise<T>,
  ): Promise<T> {
    this.#show(name, 0, work, "");
    try {
      const result = await run((fraction, note = "") => this.#show(name, fraction, work, note));
      this.#doneWork += work;
      return result;
    } finally {
      this.#stopBar();
    }
  }

  #show(name: string, fraction: number, work: number, note: string): void {
    const done = this.#doneWork + fraction * work;
    const now = this.#now();
    const left = done > 0 ? ((now - this.#started) * (this.#totalWork - this.#skippedWork - done)) / done : undefined;
    const eta = left === undefined ? "" : `${duration(Math.max(0, left))} left`;
    if (this.#moving) {
      this.#bar ??= this.#startBar(name);
      this.#bar.update(Math.round(1000 * fraction), { note, eta_all: eta });
    } else if (now - this.#lastLine >= LINE_SECONDS) {
      this.#lastLine = now;
      const parts = [`${(100 * fraction).toFixed(0)} %`, note, eta].filter((part) => part !== "");
      this.#stream.write(`${name}  ${parts.join("  ")}\n`);
    }
  }

  #startBar(name: string): SingleBar {
    const bar = new SingleBar({
      stream: this.#stream,
      format: `${name.padEnd(18)} {bar} {percentage} %  {note}  {eta_all}`,
      barCompleteChar: "━",
      barIncompleteChar: "─",
      barsize: 24,
      hideCursor: true,
      clearOnComplete: true,
      stopOnComplete: false,
      gracefulExit: false, // Ctrl-C is ours
      fps: 20,
    });
    bar.start(1000, 0, { note: "", eta_all: "" });
    return bar;
  }

  #stopBar(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}
