import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { enableWideKernels, revectorized } from "./probe.ts";

const MAJOR = Number.parseInt(process.versions.node, 10);
const PROBE = new URL("./probe.ts", import.meta.url).href;

/** What `expression` gives in a fresh process, as V8's flags are for a whole process. */
function inFreshProcess(expression: string): unknown {
  const script = `const { enableWideKernels, revectorized } = await import(${JSON.stringify(PROBE)}); console.log(${expression})`;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  return JSON.parse(output);
}

describe("revectorized", () => {
  it("is false where the flag is not set", () => {
    expect(revectorized()).toBe(false);
  });

  if (MAJOR < 24) {
    it("is never tried where V8 cannot pack", () => {
      expect(enableWideKernels()).toBe(false);
    });
  } else {
    it("finds the packing after enableWideKernels, on x86-64", () => {
      expect(inFreshProcess("enableWideKernels() && revectorized()")).toBe(process.arch === "x64");
    });
  }
});
