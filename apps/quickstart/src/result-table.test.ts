import { describe, expect, it } from "vitest";
import { sampleResult } from "./report/test-result.ts";
import { resultTable } from "./result-table.ts";

describe("resultTable", () => {
  it("has errors, parameters and latency of both forms, and the proof", () => {
    const lines = resultTable(sampleResult()).split("\n");
    expect(lines[2]).toMatch(/^teacher +71 +0\.71 % +154,000 +139,000 +0\.412 ms +0\.291 ms$/);
    expect(lines[3]).toMatch(/^student alone +343 +3\.43 % +7,500 +6,800 +71\.0 µs +41\.0 µs$/);
    expect(lines[4]).toMatch(/^student distilled +273 +2\.73 % +−20\.4 % +7,500 +6,800 +71\.0 µs +41\.0 µs$/);
    expect(new Set(lines.slice(0, 5).map((line) => line.length)).size).toBe(1);
    expect(lines.join("\n")).toContain("differ by at most 1.9e-5 (8.1e-7 of the largest), same class for 100.00 %");
  });

  it("has two rows for each seed", () => {
    const [first] = sampleResult().seeds;
    const text = resultTable(
      sampleResult({ seeds: [first!, { ...first!, seed: 2, alone: { ...first!.alone, seed: 2 } }] }),
    );
    expect(text).toContain("student alone, seed 2");
    expect(text).toContain("mean of 2 seeds");
  });
});
