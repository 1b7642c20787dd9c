import { readFileSync, writeFileSync } from "node:fs";
import { CASES } from "./cases.ts";
import type { Comparison, Result } from "./compare.ts";
import { cpuModel } from "./cpu-model.ts";
import { DATA_ROWS } from "./data/data-rows.ts";
import { LOAD_ROWS } from "./load/load-rows.ts";

/** One peer's figures. */
export interface PeerRow extends Omit<Result, "peakBytes"> {
  /** The ratio that is asked; 0: none. */
  readonly asked: number;
  readonly peakMib: number;
}

/** What is kept of a measurement, to write and draw it and to compare later ones with. */
export interface Row {
  readonly id: string;
  readonly title: string;
  readonly date: string;
  /** The machine, as {@link cpuModel} names it. */
  readonly cpu: string;
  /** Such as 24.21.0. */
  readonly node: string;
  readonly rounds: number;
  /** Cores that other processes kept busy meanwhile. */
  readonly coresTaken: number;
  readonly peers: readonly PeerRow[];
  /** Peers that were not measured, each with the reason. */
  readonly absent: readonly string[];
}

const FILE = new URL("../results.json", import.meta.url);
/** Ratios of two programs on one kind of machine move by a few per cent from day to day. */
const REGRESSION = 0.1;
/** What is asked of 256-bit code is not asked of older Nodes, which have none. */
const FIRST_WIDE_NODE = 24;
/** More of a core than this, taken by others, makes a row doubtful. */
const DISTURBED = 0.1;

export function lastResults(): Row[] {
  return JSON.parse(readFileSync(FILE, "utf8"));
}

export const writeResults = (rows: readonly Row[]) => writeFileSync(FILE, `${JSON.stringify(rows, null, 2)}\n`);

export const isDisturbed = ({ coresTaken }: Row) => coresTaken > DISTURBED;

/** @param node The version that ran the engine and its peers. */
export function rowOf({ work, rounds, coresTaken, results, absent }: Comparison, node: string): Row {
  const isFair = !work.wide || Number.parseInt(node, 10) >= FIRST_WIDE_NODE;
  return {
    id: work.id,
    title: work.title,
    date: new Date().toISOString().slice(0, 10),
    cpu: cpuModel(),
    node,
    rounds,
    coresTaken: rounded(coresTaken),
    peers: results.map(({ peer, description, peakBytes, ...times }) => ({
      peer,
      description,
      medianMs: rounded(times.medianMs),
      p10Ms: rounded(times.p10Ms),
      p90Ms: rounded(times.p90Ms),
      ratio: rounded(times.ratio),
      asked: isFair && peer !== "engine" ? rounded(work.peers[peer] ?? 0) : 0,
      peakMib: Math.round(peakBytes / 2 ** 20),
    })),
    absent,
  };
}

const rounded = (value: number) => Number(value.toPrecision(4));

const majorOf = ({ node }: Row) => Number.parseInt(node, 10);
const isSame = (a: Row, b: Row) => a.id === b.id && a.cpu === b.cpu && majorOf(a) === majorOf(b);

/** The rows of `before` with those of `now` in the place of theirs: by machine and Node's major version, then in the order of the cases. */
export function mergeRows(before: readonly Row[], now: readonly Row[]): Row[] {
  const order = new Map([...CASES, ...LOAD_ROWS, ...DATA_ROWS].map(({ id }, i) => [id, i]));
  const kept = before.filter((row) => order.has(row.id) && !now.some((other) => isSame(row, other)));
  return [...kept, ...now].sort(
    (a, b) => a.cpu.localeCompare(b.cpu) || majorOf(a) - majorOf(b) || order.get(a.id)! - order.get(b.id)!,
  );
}

/** Sentences about ratios that are more than a tenth worse than before on this kind of machine: times drift, ratios hardly do. */
export function regressions(now: readonly Row[], before: readonly Row[]): string[] {
  return now.flatMap((row) => {
    const old = before.find((candidate) => isSame(candidate, row));
    return row.peers.flatMap(({ peer, ratio }) => {
      const was = old?.peers.find((candidate) => candidate.peer === peer)?.ratio;
      if (was === undefined || ratio >= was * (1 - REGRESSION)) return [];
      return [
        `${row.id}: ${peer} takes ${ratio.toFixed(2)} times the engine's time, where it took ${was.toFixed(2)} on ${old!.date}.`,
      ];
    });
  });
}
