import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { probeDevice } from "./probe-device.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "repvgg-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Probes a module in place of tfjs-node. */
function probe(name: string, source: string, env?: Record<string, string>): Promise<object> {
  const file = join(folder, `${name}.cjs`);
  writeFileSync(file, source);
  return probeDevice("native", ["tensorflow", file], env);
}

describe("probeDevice", () => {
  it.runIf(process.platform !== "win32").each([
    ["SIGSEGV", "process.kill(process.pid, 'SIGSEGV')"],
    ["SIGABRT", "process.abort()"],
  ])("survives a library that crashes with %s when it is loaded", async (signal, source) => {
    await expect(probe(signal, source)).rejects.toMatchObject({
      code: "E_DEVICE",
      message: `The device "native" does not work here: its libraries crash when they are loaded (${signal}).`,
    });
  });

  it.each([
    [
      "an error",
      "throw new Error('lib.so: cannot open shared object file.')",
      /: lib\.so: cannot open shared object file\.$/,
    ],
    ["no answer", "process.exit(0)", /: its process ended without an answer\.$/],
    ["a failure without words", "process.exit(3)", /: its process ended without a word\.$/],
  ])("gives the reason of %s", async (name, source, message) => {
    await expect(probe(name.replaceAll(" ", "-"), source)).rejects.toMatchObject({
      code: "E_DEVICE",
      message: expect.stringMatching(message),
    });
  });

  it("asks once for each environment", async () => {
    const source = "process.exit(Number(process.env.PROBE_EXIT))";
    const b = probe("env", source, { PROBE_EXIT: "0" });
    await expect(b).rejects.toThrow(/without an answer/);
    await expect(probe("env", source, { PROBE_EXIT: "3" })).rejects.toThrow(/without a word/);
    expect(probe("env", source, { PROBE_EXIT: "0" })).toBe(b);
  });
});
