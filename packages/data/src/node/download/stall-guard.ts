import { TransientFailure } from "./request-part.ts";

/** Takes a silent connection for one that broke. */
export class StallGuard {
  /** Of the connection: ends when it is silent for too long, by the user's signal, and with {@link close}. */
  readonly signal: AbortSignal;
  readonly #stallMs: number;
  readonly #silence = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(stallMs: number, signal: AbortSignal | undefined) {
    this.#stallMs = stallMs;
    this.signal = signal ? AbortSignal.any([this.#silence.signal, signal]) : this.#silence.signal;
  }

  /**
   * Waits for the server.
   *
   * @throws {TransientFailure} It was silent; else what `use` throws.
   */
  async watch<T>(use: () => Promise<T>): Promise<T> {
    this.restart();
    try {
      return await use();
    } catch (cause) {
      if (!this.#silence.signal.aborted) throw cause;
      throw new TransientFailure(`nothing came for ${this.#stallMs / 1000} s`, { cause });
    } finally {
      clearTimeout(this.#timer);
    }
  }

  /** Something came. */
  restart(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#silence.abort(), this.#stallMs);
  }

  /** Ends the connection, also where nobody read the answer: an open one keeps the process alive. */
  close(): void {
    this.#silence.abort();
  }
}
