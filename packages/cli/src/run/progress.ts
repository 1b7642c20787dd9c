import type { Terminal } from "../terminal.ts";
import { joined, type ProgressPart, progressLine } from "./progress-line.ts";

/** Shows how far something is: a moving bar for people, which gives way to notes; a line each few seconds for logs. */
export interface Progress {
  /** @param known A text, or parts of which a narrow terminal shows the important ones. */
  update(done: number, known: string | readonly ProgressPart[]): void;
  stop(): void;
}

const LINE_INTERVAL_MS = 5000;

export async function startProgress(terminal: Terminal, title: string, total: number): Promise<Progress> {
  return terminal.lively ? barProgress(terminal, title, total) : lineProgress(terminal, title, total);
}

interface Payload {
  readonly parts: readonly ProgressPart[];
}

const partsOf = (known: string | readonly ProgressPart[]): readonly ProgressPart[] =>
  typeof known === "string" ? [{ text: known, importance: 1 }] : known;

function lineProgress(terminal: Terminal, title: string, total: number): Progress {
  let last = performance.now();
  return {
    update(done, known) {
      const now = performance.now();
      if (now - last < LINE_INTERVAL_MS) return;
      last = now;
      terminal.note(`${title} ${done}/${total}  ${joined(partsOf(known))}`);
    },
    stop() {},
  };
}

async function barProgress(terminal: Terminal, title: string, total: number): Promise<Progress> {
  const { default: cliProgress } = await import("cli-progress");
  const options = {
    stream: terminal.stderr,
    format: (_: unknown, { value, maxWidth }: { value: number; maxWidth: number }, { parts }: Payload) =>
      progressLine({ title, done: value, total }, parts, maxWidth),
    hideCursor: true,
    clearOnComplete: true,
    linewrap: false,
    // Ctrl-C is this program's to handle: the running step is saved first.
    gracefulExit: false,
  };
  const bar = new cliProgress.SingleBar(options);
  let [last, parts]: [number, readonly ProgressPart[]] = [0, []];
  const show = () => bar.start(total, last, { parts } satisfies Payload);
  show();
  terminal.setBar((write) => {
    bar.stop(); // Clears the bar's line, so that what is written takes its place.
    write();
    show();
  });
  return {
    update(done, known) {
      [last, parts] = [done, partsOf(known)];
      bar.update(done, { parts } satisfies Payload);
    },
    stop() {
      bar.stop();
      terminal.setBar(undefined);
    },
  };
}
