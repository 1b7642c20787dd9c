import { describe, expect, it } from "vitest";
import { type Row, regressions } from "./results.ts";

const row = (ratio: number): Row => ({
  id: "a0-224-b1",
  title: "A0",
  date: "2026-01-02",
  cpu: "any",
  node: "v24.0.0",
  peers: [
    { peer: "engine", medianMs: 10, ratio: 1 },
    { peer: "pytorch", medianMs: 10 * ratio, ratio },
  ],
});

describe("regressions", () => {
  it("names what became more than a tenth slower than its peer", () => {
    expect(regressions([row(1.34)], [row(1.5)])).toEqual([
      "a0-224-b1: pytorch takes 1.34 times the engine's time, where it took 1.50 on 2026-01-02.",
    ]);
  });

  it("is silent about noise, gains and new rows", () => {
    expect(regressions([row(1.36)], [row(1.5)])).toEqual([]);
    expect(regressions([row(2)], [row(1.5)])).toEqual([]);
    expect(regressions([row(1)], [])).toEqual([]);
  });
});
