import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { Progress, type ProgressStream } from "./progress.ts";

function collector(isTTY: boolean): { stream: ProgressStream; text: () => string } {
  const parts: string[] = [];
  const writable = new Writable({
    write(chunk, _encoding, done) {
      parts.push(String(chunk));
      done();
    },
  });
  return { stream: Object.assign(writable, { isTTY }), text: () => parts.join("") };
}

describe("Progress", () => {
  it("writes a line every few seconds where there is no terminal, with the time that the whole run still needs", async () => {
    const { stream, text } = collector(false);
    let seconds = 0;
    const progress = new Progress(stream, 100, { now: () => seconds });
    await progress.stage("teacher", 80, async (update) => {
      for (let step = 1; step <= 40; step++) {
        seconds += 0.5;
        update(step / 40, `step ${step}`);
      }
    });
    // 20 s for 80 of 100: after 5 s a quarter of the stage, 20 of 100, so 20 s are left.
    expect(text().split("\n")).toEqual([
      "teacher  25 %  step 10  20 s left",
      "teacher  50 %  step 20  15 s left",
      "teacher  75 %  step 30  10 s left",
      "teacher  100 %  step 40  5.0 s left",
      "",
    ]);
  });

  it("does not count on work that is skipped", async () => {
    const { stream, text } = collector(false);
    let seconds = 0;
    const progress = new Progress(stream, 100, { now: () => seconds });
    progress.skip(60);
    await progress.stage("student", 40, async (update) => {
      seconds = 6;
      update(0.5);
    });
    expect(text()).toBe("student  50 %  6.0 s left\n");
  });

  it("draws no moving bar when asked for plain text", async () => {
    const { stream, text } = collector(true);
    const progress = new Progress(stream, 1, { plain: true });
    await progress.stage("proof", 1, async (update) => update(0.5));
    progress.log("done");
    expect(text()).toBe("done\n");
  });

  it("hands on what the stage gives or throws", async () => {
    const progress = new Progress(collector(false).stream, 1);
    expect(await progress.stage("a", 1, async () => 7)).toBe(7);
    await expect(progress.stage("b", 1, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  });
});
