import type { Terminal } from "../terminal.ts";
import { duration, grouped } from "./numbers.ts";
import { type Progress, startProgress } from "./progress.ts";

/** Something that is counted. */
export interface Phase {
  readonly title: string;
  /** What the bar counts in. @default 1 */
  readonly unit?: number;
  /** Of what is counted, in a second. @default a whole number */
  describeRate?(rate: number): string;
}

/** One bar after the other, with the rate and the time left. */
export class PhaseProgress {
  readonly #terminal: Terminal;
  #title: string | undefined;
  #bar: Promise<Progress> | undefined;
  #start = { time: 0, done: 0 };

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  update({ title, unit = 1, describeRate }: Phase, done: number, total: number | undefined): void {
    if (title !== this.#title) {
      void this.stop();
      this.#title = title;
      this.#start = { time: performance.now(), done };
      this.#bar = startProgress(this.#terminal, title, Math.ceil((total ?? 0) / unit));
    }
    const seconds = (performance.now() - this.#start.time) / 1000;
    const rate = seconds > 0 ? Math.max(0, done - this.#start.done) / seconds : 0;
    const left = total !== undefined && rate > 0 ? `, ${duration((total - done) / rate)} left` : "";
    const speed = describeRate?.(rate) ?? `${grouped(Math.round(rate))}/s`;
    void this.#bar?.then((bar) => bar.update(Math.floor(done / unit), speed + left));
  }

  async stop(): Promise<void> {
    const bar = this.#bar;
    this.#bar = undefined;
    (await bar)?.stop();
  }
}
