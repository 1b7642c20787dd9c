import type { Case, Peer, Runner } from "./peer.ts";
import { median, quantile } from "./statistics.ts";

export interface Result {
  readonly peer: string;
  readonly description: string;
  readonly medianMs: number;
  readonly p10Ms: number;
  readonly p90Ms: number;
}

export interface Comparison {
  readonly title: string;
  readonly results: readonly Result[];
  /** Peers that left the case out, each with the reason. */
  readonly absent: readonly string[];
}

/** A measurement lasts at least this long, so that the clock and the call cost nothing. */
const MEASUREMENT_MS = 20;
/** float32 sums in another order, over 22 layers; relative to the largest logit. */
const TOLERANCE = 1e-3;

/**
 * Measures all peers at one case: in turn, round by round, so that a change of the machine's speed meets them all.
 *
 * @throws {Error} two peers with the same weights do not give the same logits.
 */
export async function compare(
  work: Case,
  peers: readonly Peer[],
  threads: number,
  rounds: number,
): Promise<Comparison> {
  const opened: { peer: string; runner: Runner; times: number; samples: number[] }[] = [];
  const absent: string[] = [];
  try {
    for (const { name, open } of peers) {
      const runner = await open(work, threads);
      if (typeof runner === "string") absent.push(`${name}: ${runner}`);
      else opened.push({ peer: name, runner, times: await timesFor(runner), samples: [] });
    }
    await assertSameLogits(opened.map(({ runner }) => runner));
    for (let round = 0; round < rounds; round++) {
      for (const { runner, times, samples } of opened) samples.push(await runner.measure(times));
    }
  } finally {
    for (const { runner } of opened) await runner.close();
  }
  const results = opened.map(({ peer, runner, samples }) => ({
    peer,
    description: runner.description,
    medianMs: median(samples),
    p10Ms: quantile(samples, 0.1),
    p90Ms: quantile(samples, 0.9),
  }));
  return { title: work.title, results, absent };
}

/** Warms the runner up, and gives how often it repeats its work within one measurement. */
async function timesFor(runner: Runner): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5; i++) fastest = Math.min(fastest, await runner.measure(i === 0 ? 1 : 3));
  return Math.max(1, Math.ceil(MEASUREMENT_MS / fastest));
}

async function assertSameLogits(runners: readonly Runner[]): Promise<void> {
  const logits = await Promise.all(runners.flatMap((runner) => runner.logits?.() ?? []));
  const [first, ...others] = logits;
  if (!first) return;
  const scale = first.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (const other of others) {
    const error = first.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0) / scale;
    if (!(error <= TOLERANCE))
      throw new Error(`Two peers differ by ${error} of the largest logit; speed means nothing then.`);
  }
}
