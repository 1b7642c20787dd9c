import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stopOnSignals } from "./stop-on-signals.ts";

const NAMES = ["SIGINT", "SIGTERM"] as const;
let before: NodeJS.SignalsListener[];
beforeEach(() => {
  before = NAMES.flatMap((name) => process.listeners(name));
});
afterEach(() => {
  for (const name of NAMES) {
    for (const listener of process.listeners(name)) if (!before.includes(listener)) process.off(name, listener);
  }
});

describe("stopOnSignals", () => {
  it.each([
    ["SIGINT", 130, "press Ctrl-C again"],
    ["SIGTERM", 143, "send SIGTERM again"],
  ] as const)("asks to stop on %s, and knows that the process ends with %i", (name, exitCode, again) => {
    const said: string[] = [];
    const stop = stopOnSignals((text) => said.push(text));
    expect([stop.signal.aborted, stop.exitCode, said]).toEqual([false, 130, []]);
    process.listeners(name).at(-1)!(name);
    expect([stop.signal.aborted, stop.exitCode, said]).toEqual([true, exitCode, [again]]);
  });
});
