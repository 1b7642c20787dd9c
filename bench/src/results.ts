import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { Comparison } from "./compare.ts";
import { cpuModel } from "./report.ts";

/** What is kept of a measurement, to compare later ones with and to draw. */
export interface Row {
  readonly id: string;
  readonly title: string;
  readonly date: string;
  readonly cpu: string;
  readonly node: string;
  readonly peers: readonly { readonly peer: string; readonly medianMs: number; readonly ratio: number }[];
}

const FILE = new URL("../results.json", import.meta.url);
/** Ratios of two programs on one machine move by a few per cent from day to day. */
const REGRESSION = 0.1;

export function lastResults(): Row[] {
  return JSON.parse(readFileSync(FILE, "utf8"));
}

export const writeResults = (rows: readonly Row[]) => writeFileSync(FILE, `${JSON.stringify(rows, null, 2)}\n`);

export function rowOf({ work, results }: Comparison): Row {
  return {
    id: work.id,
    title: work.title,
    date: new Date().toISOString().slice(0, 10),
    cpu: `${cpuModel()}, ${availableParallelism()} cores`,
    node: process.version,
    peers: results.map(({ peer, medianMs, ratio }) => ({ peer, medianMs: rounded(medianMs), ratio: rounded(ratio) })),
  };
}

const rounded = (value: number) => Number(value.toPrecision(4));

/** Sentences about ratios that are more than a tenth worse than before: times differ between machines, ratios hardly do. */
export function regressions(now: readonly Row[], before: readonly Row[]): string[] {
  return now.flatMap(({ id, peers }) => {
    const old = before.find((row) => row.id === id);
    return peers.flatMap(({ peer, ratio }) => {
      const was = old?.peers.find((candidate) => candidate.peer === peer)?.ratio;
      if (was === undefined || ratio >= was * (1 - REGRESSION)) return [];
      return [
        `${id}: ${peer} takes ${ratio.toFixed(2)} times the engine's time, where it took ${was.toFixed(2)} on ${old!.date}.`,
      ];
    });
  });
}
