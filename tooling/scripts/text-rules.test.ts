import { describe, expect, it } from "vitest";
import { textViolations } from "./text-rules.ts";

const folder = (...names: string[]) => `/${names.join("/")}/`;

describe("textViolations", () => {
  it.each([
    ["README.md", `cd ${folder("work", "main")}`, "names a folder of one machine"],
    ["README.md", `cd ${folder("home", "someone")}`, "names a folder of one machine"],
    ["packages/core/src/a.ts", `"${folder("tmp")}a"`, "names a folder of one machine"],
    ["README.md", `https://${"registry"}.example.com/a`, "names a registry"],
    ["pnpm-lock.yaml", `{tarball: ${"https"}://example.com/a.tgz}`, "pins a registry's address"],
    ["packages/core/src/a.ts", `// ${"TO"}${"DO"} later`, "leaves work undone"],
  ])("rejects in %s: %s", (path, line, reason) => {
    const violations = textViolations(path, `first\n${line}\n`);
    expect(violations.length).toBe(1);
    expect(violations[0]?.startsWith(`${path}:2: ${reason}: `)).toBe(true);
  });

  it.each([
    ["README.md", "see packages/work/src and ./tmp/a, https://registry.npmjs.org/node"],
    ["packages/core/src/a.test.ts", `writeFileSync("${folder("tmp")}a", "")`],
    ["README.md", "integrity: sha512-abc/tmp+work/home"],
  ])("accepts in %s: %s", (path, line) => {
    expect(textViolations(path, line)).toEqual([]);
  });
});
