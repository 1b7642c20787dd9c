import type { Terminal } from "../terminal.ts";

/** Shows how far something is: a moving bar for people, a line each few seconds for logs. */
export interface Progress {
  /** @param text What is known now: loss, rate, time left. */
  update(done: number, text: string): void;
  /** A line that stays, above the bar. */
  note(line: string): void;
  stop(): void;
}

const LINE_INTERVAL_MS = 5000;

export async function startProgress(terminal: Terminal, title: string, total: number): Promise<Progress> {
  return terminal.lively ? barProgress(terminal, title, total) : lineProgress(terminal, title, total);
}

function lineProgress(terminal: Terminal, title: string, total: number): Progress {
  let last = performance.now();
  return {
    update(done, text) {
      const now = performance.now();
      if (now - last < LINE_INTERVAL_MS) return;
      last = now;
      terminal.note(`${title} ${done}/${total}  ${text}`);
    },
    note: (line) => terminal.note(line),
    stop() {},
  };
}

async function barProgress(terminal: Terminal, title: string, total: number): Promise<Progress> {
  const { default: cliProgress } = await import("cli-progress");
  const options = {
    stream: terminal.stderr,
    format: `${title} {bar} {value}/{total}  {text}`,
    hideCursor: true,
    clearOnComplete: true,
    linewrap: false,
    // Ctrl-C is this program's to handle: the running step is saved first.
    gracefulExit: false,
    barsize: 24,
  };
  const bar = new cliProgress.SingleBar(options, cliProgress.Presets.shades_classic);
  bar.start(total, 0, { text: "" });
  let last = 0;
  return {
    update(done, text) {
      last = done;
      bar.update(done, { text });
    },
    note(line) {
      bar.stop(); // Clears the bar's line, so that the note takes its place.
      terminal.note(line);
      bar.start(total, last, { text: "" });
    },
    stop: () => bar.stop(),
  };
}
