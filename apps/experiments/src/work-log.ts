import { duration } from "@repvgg/report";

const LINE_SECONDS = 5;
/** Share of the work after which its rate is known. */
const KNOWN = 0.01;

/** A piece of the work that is being done. */
export interface Stage {
  /** @param fraction Done of it. */
  update(fraction: number): void;
  end(): void;
}

/** Tells how far the work is, a line every few seconds, and how long the rest takes at the rate so far. */
export class WorkLog {
  readonly #write: (line: string) => void;
  readonly #now: () => number;
  readonly #started: number;
  #total: number;
  #done = 0;
  #last: number;

  /**
   * @param total In any unit; the same as that of {@link begin}.
   * @param now Seconds; for tests.
   */
  constructor(write: (line: string) => void, total: number, now: () => number = () => performance.now() / 1000) {
    this.#write = write;
    this.#total = total;
    this.#now = now;
    this.#started = now();
    this.#last = this.#started;
  }

  /** Work that was announced and need not be done. */
  skip(work: number): void {
    this.#total -= work;
  }

  begin(title: string, work: number): Stage {
    const start = this.#now();
    return {
      update: (fraction) => {
        const now = this.#now();
        if (now - this.#last < LINE_SECONDS) return;
        this.#last = now;
        const done = this.#done + fraction * work;
        const left = ((now - this.#started) * (this.#total - done)) / done;
        const rest = done < KNOWN * this.#total ? "" : `  ${duration(Math.max(0, left))} left in all`;
        this.#write(`${title}  ${(100 * fraction).toFixed(0)} %${rest}`);
      },
      end: () => {
        this.#done += work;
        this.#last = this.#now();
        this.#write(`${title}: done, ${duration(this.#last - start)}`);
      },
    };
  }
}
