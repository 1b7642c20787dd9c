import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { startProgress } from "./run/progress.ts";
import { isLively, type Streams, Terminal } from "./terminal.ts";

/** Streams that remember, standing for a terminal or for files. */
function streams(isTTY: boolean, env: Record<string, string> = {}) {
  const written = { stdout: "", stderr: "" };
  const to = (name: keyof typeof written) =>
    new Writable({
      write(chunk, _encoding, done) {
        written[name] += chunk;
        done();
      },
    });
  const all: Streams = { stdout: to("stdout"), stderr: Object.assign(to("stderr"), { isTTY }), env };
  return { all, written };
}

describe("colour and bars", () => {
  it.each([
    ["a terminal", true, {}, true],
    ["a file", false, {}, false],
    ["a terminal with NO_COLOR", true, { NO_COLOR: "1" }, false],
    ["a terminal with an empty NO_COLOR", true, { NO_COLOR: "" }, true],
    ["a dumb terminal", true, { TERM: "dumb" }, false],
  ])("%s: %s", (_, isTTY, env, expected) => {
    expect(isLively(streams(isTTY, env as Record<string, string>).all)).toBe(expected);
  });

  it("progress into a file has no control characters", async () => {
    const { all, written } = streams(false);
    const terminal = new Terminal(all, false);
    const progress = await startProgress(terminal, "step", 10);
    progress.update(1, "now");
    terminal.note("Epoch 1/2");
    progress.stop();
    expect(written).toEqual({ stdout: "", stderr: "Epoch 1/2\n" });
  });

  it.each([
    ["a terminal", true, 40, 40],
    ["a terminal that does not say its width", true, undefined, Number.POSITIVE_INFINITY],
    ["a file", false, undefined, Number.POSITIVE_INFINITY],
  ])("a line of %s has its columns", (_, isTTY, columns, expected) => {
    const { all } = streams(isTTY);
    const stderr = Object.assign(all.stderr, columns && { columns });
    expect(new Terminal({ ...all, stderr }, false).columns).toBe(expected);
  });

  it("progress on a terminal is a bar that gives way to notes", async () => {
    const { all, written } = streams(true);
    const terminal = new Terminal(all, false);
    const progress = await startProgress(terminal, "step", 10);
    progress.update(4, "ETA 6 s");
    terminal.note("Epoch 1/2");
    progress.stop();
    const { stdout, stderr } = written;
    expect(stdout).toBe("");
    expect(stderr).toContain("Epoch 1/2\n");
  });

  it("what anybody writes meanwhile takes the place of the bar, which comes back below", async () => {
    const { all, written } = streams(true);
    let say: (line: string) => void = () => {};
    const onInterrupt = (write: typeof say) => {
      say = write;
      return new AbortController().signal;
    };
    const terminal = new Terminal({ ...all, onInterrupt }, false);
    terminal.interruptSignal();
    const progress = await startProgress(terminal, "step", 10);
    progress.update(4, "ETA 6 s");
    written.stderr = "";
    terminal.note("7.jpg is skipped");
    say("Stopping");
    const clear = "\u001b[2K";
    const [first = "", second = "", rest] = written.stderr.split(/7\.jpg is skipped\n|Stopping\n/);
    expect([first.endsWith(clear), second.endsWith(clear)]).toEqual([true, true]);
    expect(rest).toContain("4/10  ETA 6 s");
    progress.stop();
    written.stderr = "";
    say("Stopping");
    expect(written.stderr).toBe("\nStopping\n"); // behind ^C
  });
});

describe("lines of the result", () => {
  it("go to stdout, with --json to stderr", () => {
    for (const [json, stream] of [
      [false, "stdout"],
      [true, "stderr"],
    ] as const) {
      const { all, written } = streams(false);
      const terminal = new Terminal(all, json);
      terminal.print("Test: [1/1]");
      expect(written[stream]).toBe("Test: [1/1]\n");
    }
  });
});

describe("the signal of Ctrl-C", () => {
  it("is the same for all who ask, and listened for once", () => {
    const { all } = streams(false);
    let listeners = 0;
    const onInterrupt = () => {
      listeners++;
      return new AbortController().signal;
    };
    const terminal = new Terminal({ ...all, onInterrupt }, false);
    expect(terminal.interruptSignal()).toBe(terminal.interruptSignal());
    expect(listeners).toBe(1);
  });
});
