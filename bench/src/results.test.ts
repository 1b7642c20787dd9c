import { describe, expect, it } from "vitest";
import { resultsPage, rowLines } from "./report.ts";
import { mergeRows, type PeerRow, type Row, regressions } from "./results.ts";

const peerRow = (peer: PeerRow["peer"], ratio: number, asked: number): PeerRow => ({
  peer,
  description: `${peer} 1.0`,
  medianMs: 10 * ratio,
  p10Ms: 9 * ratio,
  p90Ms: 11 * ratio,
  ratio,
  asked,
  peakMib: 100,
});

const row = (ratio: number, changes: Partial<Row> = {}): Row => ({
  id: "a0-224-b1",
  title: "A0",
  date: "2026-01-02",
  cpu: "any",
  node: "24.0.0",
  rounds: 21,
  coresTaken: 0,
  peers: [peerRow("engine", 1, 0), peerRow("pytorch", ratio, 1.5)],
  absent: [],
  ...changes,
});

describe("regressions", () => {
  it("names what became more than a tenth slower than its peer", () => {
    expect(regressions([row(1.34)], [row(1.5)])).toEqual([
      "a0-224-b1: pytorch takes 1.34 times the engine's time, where it took 1.50 on 2026-01-02.",
    ]);
  });

  it("is silent about noise, gains, new rows, other Nodes and other machines", () => {
    expect(regressions([row(1.36)], [row(1.5)])).toEqual([]);
    expect(regressions([row(2)], [row(1.5)])).toEqual([]);
    expect(regressions([row(1)], [])).toEqual([]);
    expect(regressions([row(1, { node: "22.1.0" })], [row(1.5)])).toEqual([]);
    expect(regressions([row(1, { cpu: "other" })], [row(1.5)])).toEqual([]);
  });
});

describe("mergeRows", () => {
  it("replaces the row of the same work and Node, and keeps the order of the cases", () => {
    const [a, b, c] = [row(1, { id: "a0-224-b8" }), row(1), row(1, { node: "22.1.0" })];
    const now = row(2, { node: "24.5.0" });
    expect(mergeRows([a, b, c], [now])).toEqual([c, now, a]);
  });

  it("keeps what another machine measured, by itself", () => {
    const [other, b8] = [row(1, { cpu: "other" }), row(1, { id: "a0-224-b8" })];
    expect(mergeRows([other, b8], [row(2)])).toEqual([row(2), b8, other]);
  });

  it("forgets rows of cases that are no more", () => {
    expect(mergeRows([row(1, { id: "gone" })], [row(1)])).toEqual([row(1)]);
  });
});

describe("the report", () => {
  const missed = row(1.25, { absent: ["native: not here"], coresTaken: 0.5 });

  it("marks what misses its goal, and says what is absent and what disturbed", () => {
    const text = rowLines(missed).join("\n");
    expect(text).toContain("| pytorch: pytorch 1.0 | 12.5 ms | 11.3 to 13.8 | 1.25 | 1.50, **missed** | 100 MiB |");
    expect(text).toContain("not measured: native: not here");
    expect(text).toContain("other processes took 0.50 cores meanwhile");
  });

  it("has a table for each Node and machine", () => {
    const page = resultsPage([row(1.6, { node: "22.1.0" }), missed, row(1, { cpu: "other" })]);
    expect(page.match(/^## .*$/gm)).toEqual([
      "## Node 22.1.0 on any",
      "## Node 24.0.0 on any",
      "## Node 24.0.0 on other",
    ]);
    expect(page).toContain("| A0 | 10 ms | pytorch | 16 ms | 1.60 | 1.50 | 100 / 100 MiB |");
    expect(page).toContain("- A0: not measured: native: not here");
  });
});
