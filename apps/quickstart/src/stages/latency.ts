import { performance } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { type Images, type Network, RepvggError } from "@repvgg/core";
import type { Latency } from "../result.ts";

const WARM_UP_CALLS = 200;
const ROUNDS = 20;

/**
 * Time of one call of each network, warm. The networks take turns, so that whatever else the machine does meets all alike.
 *
 * @param calls Timed calls of each network, in rounds.
 * @throws {RepvggError} `E_ABORTED`.
 */
export async function measureLatency(
  networks: readonly Network[],
  images: Images,
  { calls, signal }: { calls: number; signal: AbortSignal },
): Promise<Latency[]> {
  const times = networks.map(() => [] as number[]);
  const perRound = Math.ceil(calls / ROUNDS);
  for (const network of networks) await timeCalls(network, images, Math.min(WARM_UP_CALLS, calls));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, network] of networks.entries()) times[i]!.push(...(await timeCalls(network, images, perRound)));
    await setImmediate(); // lets Ctrl-C in
    if (signal.aborted) throw new RepvggError("E_ABORTED", "The measurement was stopped.");
  }
  return times.map(summary);
}

async function timeCalls(network: Network, images: Images, calls: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < calls; i++) {
    const start = performance.now();
    await network.predict(images);
    times.push(performance.now() - start);
  }
  return times;
}

/** Median and the tenths at both ends; of an even number of times the lower one. */
export function summary(times: readonly number[]): Latency {
  const sorted = [...times].sort((a, b) => a - b);
  const quantile = (q: number) => sorted[Math.floor(q * (sorted.length - 1))]!;
  return { medianMs: quantile(0.5), p10Ms: quantile(0.1), p90Ms: quantile(0.9), runs: sorted.length };
}
