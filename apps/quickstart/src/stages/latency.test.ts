import { describe, expect, it } from "vitest";
import { summary } from "./latency.ts";

describe("summary", () => {
  it("gives the median and the tenths, whatever the order", () => {
    const times = Array.from({ length: 101 }, (_, i) => (i * 37) % 101);
    expect(summary(times)).toEqual({ medianMs: 50, p10Ms: 10, p90Ms: 90, runs: 101 });
  });
});
