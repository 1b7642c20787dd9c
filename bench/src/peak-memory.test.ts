import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { peakMemory } from "./peak-memory.ts";

const MIB = 2 ** 20;

test("is what this process has held, also after it is given back", () => {
  const before = peakMemory();
  expect(before).toBeGreaterThanOrEqual(process.memoryUsage.rss() * 0.99);
  Buffer.alloc(300 * MIB, 1);
  expect(peakMemory()).toBeGreaterThan(before + 250 * MIB);
});

test.runIf(process.platform === "linux")("of a new process is its own, not that of the one that started it", () => {
  Buffer.alloc(500 * MIB, 1);
  // What was built, as Node 20 runs no TypeScript.
  const program = `import { peakMemory } from ${JSON.stringify(fileURLToPath(new URL("../dist/peak-memory.js", import.meta.url)))};
    process.stdout.write(String(peakMemory()));`;
  const peak = Number(execFileSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" }));
  expect(peak).toBeGreaterThan(20 * MIB);
  expect(peak).toBeLessThan(300 * MIB);
});
