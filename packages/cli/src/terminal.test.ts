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
    const progress = await startProgress(new Terminal(all, false), "step", 10);
    progress.update(1, "now");
    progress.note("Epoch 1/2");
    progress.stop();
    expect(written).toEqual({ stdout: "", stderr: "Epoch 1/2\n" });
  });

  it("progress on a terminal is a bar that gives way to notes", async () => {
    const { all, written } = streams(true);
    const progress = await startProgress(new Terminal(all, false), "step", 10);
    progress.update(4, "ETA 6 s");
    progress.note("Epoch 1/2");
    progress.stop();
    const { stdout, stderr } = written;
    expect(stdout).toBe("");
    expect(stderr).toContain("Epoch 1/2\n");
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
