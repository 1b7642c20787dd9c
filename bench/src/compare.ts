import { setTimeout } from "node:timers/promises";
import { takeCore } from "./busy-core.ts";
import type { Case, Contest, PeerName } from "./case.ts";
import { busyCpuMs, waitForFreeCores } from "./free-cores.ts";
import { ModelFiles } from "./model-files.ts";
import type { Measurement } from "./runner.ts";
import { median, quantile } from "./statistics.ts";
import { type Interpreters, WorkerEnded, WorkerProcess } from "./worker-process.ts";

/** How long one peer took. */
export interface Result {
  readonly peer: PeerName;
  readonly description: string;
  readonly medianMs: number;
  readonly p10Ms: number;
  readonly p90Ms: number;
  /** Its time over the engine's: the median over the rounds, of two measurements that follow each other. */
  readonly ratio: number;
  readonly peakBytes: number;
}

export interface Comparison {
  readonly work: Contest;
  readonly threads: number;
  readonly rounds: number;
  readonly results: readonly Result[];
  /** Peers that left the case out, each with the reason. */
  readonly absent: readonly string[];
  /** Cores that other processes kept busy meanwhile. */
  readonly coresTaken: number;
}

export interface Settings {
  readonly rounds: number;
  readonly threads: number;
  /** A row's rounds end after so long, but not before the fifth. */
  readonly seconds: number;
  /** A row waits so long for other processes to leave the cores alone. */
  readonly waitSeconds: number;
  readonly interpreters: Interpreters;
  /** Another process computes meanwhile. */
  readonly busyCore: boolean;
}

/** A measurement lasts at least this long, so that the clock and the call cost nothing. */
const MEASUREMENT_MS = 50;
const LEAST_ROUNDS = 5;
/** The threads of every library stop spinning within it. */
const PAUSE_MS = 30;
/** float32 sums in another order, over up to 48 layers; relative to the largest logit. */
const TOLERANCE = 1e-3;

/**
 * Measures all peers at one case: in turn, round by round, so that a change of the machine's speed meets them all.
 *
 * A peer that crashes, at its start or in any round, is absent with the reason. Without the engine there are no results.
 */
export async function compare(work: Case, settings: Settings): Promise<Comparison> {
  const files = new ModelFiles(work.spec, work.form);
  try {
    return await (work.work === "start" ? compareStarts(work, files, settings) : compareRuns(work, files, settings));
  } finally {
    files[Symbol.dispose]();
  }
}

/** What a peer does in each round, and what was measured of it so far. */
export interface Turn {
  readonly peer: PeerName;
  readonly description: string;
  readonly measurements: Measurement[];
  readonly measure: () => Promise<Measurement>;
  /** Repetitions within a measurement. */
  readonly times: number;
}

/** Turns of the peers that take part, and the sentences about the others. */
export interface Field {
  readonly turns: Turn[];
  readonly absent: string[];
}

const peersOf = (work: Case) => ["engine", ...Object.keys(work.peers)] as PeerName[];

const requestFor = (work: Case, peer: PeerName, files: ModelFiles, { threads }: Settings) => ({
  peer,
  work,
  threads: work.threads ?? threads,
  model: files.pathFor(peer),
});

/** Every worker stays, and runs its warm network. */
async function compareRuns(work: Case, files: ModelFiles, settings: Settings): Promise<Comparison> {
  const workers: WorkerProcess[] = [];
  const field: Field = { turns: [], absent: [] };
  let expected: readonly number[] | null = null;
  try {
    for (const peer of peersOf(work)) {
      await orAbsent(field, peer, async () => {
        const worker = await WorkerProcess.start(requestFor(work, peer, files, settings), settings.interpreters);
        if (typeof worker === "string") throw new WorkerEnded(worker);
        workers.push(worker);
        const { description, logits } = worker.ready;
        assertSameLogits(expected, logits);
        expected ??= logits;
        const times = await timesFor(worker);
        field.turns.push({ peer, description, measurements: [], measure: () => worker.measure(times), times });
      });
    }
    return await takeTurns(work, field, settings);
  } finally {
    for (const worker of workers) await worker.close();
  }
}

/** Every measurement is a new process. */
async function compareStarts(work: Case, files: ModelFiles, settings: Settings): Promise<Comparison> {
  const field: Field = { turns: [], absent: [] };
  for (const peer of peersOf(work)) {
    const start = async () => {
      const worker = await WorkerProcess.start(requestFor(work, peer, files, settings), settings.interpreters);
      if (typeof worker === "string") throw new WorkerEnded(worker);
      return worker;
    };
    const measure = async () => {
      const worker = await start();
      const { peakBytes } = await worker.measure(1);
      await worker.close();
      return { ms: worker.ready.startMs, cpuMs: 0, peakBytes };
    };
    await orAbsent(field, peer, async () => {
      const first = await start();
      await first.close();
      field.turns.push({ peer, description: first.ready.description, measurements: [], measure, times: 1 });
    });
  }
  return takeTurns(work, field, settings);
}

/** Runs what a peer is to do; one that fails leaves the field, and the others go on. */
export async function orAbsent({ turns, absent }: Field, peer: PeerName, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof WorkerEnded)) throw error;
    absent.push(`${peer}: ${error.message}`);
    const turn = turns.findIndex((candidate) => candidate.peer === peer);
    if (turn >= 0) turns.splice(turn, 1);
  }
}

/** Round by round, everyone one measurement. */
export async function takeTurns(work: Contest, field: Field, settings: Settings): Promise<Comparison> {
  await waitForFreeCores(settings.waitSeconds);
  const release = settings.busyCore ? takeCore() : () => {};
  try {
    return await measureRounds(work, field, settings);
  } finally {
    release();
  }
}

async function measureRounds(work: Contest, field: Field, settings: Settings): Promise<Comparison> {
  const begin = performance.now();
  const busy = busyCpuMs();
  let own = 0;
  let rounds = 0;
  // Without the engine there is nothing to compare with.
  while (
    field.turns[0]?.peer === "engine" &&
    rounds < settings.rounds &&
    (rounds < LEAST_ROUNDS || performance.now() - begin < settings.seconds * 1000)
  ) {
    for (const { peer, measurements, measure, times } of [...field.turns]) {
      await orAbsent(field, peer, async () => {
        await setTimeout(PAUSE_MS);
        const measurement = await measure();
        measurements.push(measurement);
        // The worker's run before it measures is not in it.
        own += measurement.cpuMs * (1 + 1 / times);
      });
    }
    rounds++;
  }
  const others = (busyCpuMs() - busy - own) / (performance.now() - begin);
  return {
    work,
    threads: work.threads ?? settings.threads,
    rounds,
    results: resultsOf(field.turns),
    absent: field.absent,
    coresTaken: work.work === "start" ? 0 : Math.max(0, others),
  };
}

function resultsOf(turns: readonly Turn[]): Result[] {
  const engine = turns[0]?.measurements;
  if (turns[0]?.peer !== "engine" || !engine) return [];
  return turns.map(({ peer, description, measurements }) => {
    const times = measurements.map(({ ms }) => ms);
    return {
      peer,
      description,
      medianMs: median(times),
      p10Ms: quantile(times, 0.1),
      p90Ms: quantile(times, 0.9),
      ratio: median(times.map((ms, round) => ms / engine[round]!.ms)),
      peakBytes: measurements.at(-1)!.peakBytes,
    };
  });
}

/** Warms the worker up, and gives how often it repeats its work within one measurement. */
async function timesFor(worker: WorkerProcess): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  const begin = performance.now();
  for (let i = 0; i < 5 && performance.now() - begin < 3000; i++)
    fastest = Math.min(fastest, (await worker.measure(i === 0 ? 1 : 3)).ms);
  return Math.max(1, Math.ceil(MEASUREMENT_MS / fastest));
}

/** @throws {WorkerEnded} A peer with the same weights answers something else: its speed means nothing. */
function assertSameLogits(expected: readonly number[] | null, logits: readonly number[] | null): void {
  if (!expected || !logits) return;
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const error = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - logits[i]!)), 0) / scale;
  if (!(error <= TOLERANCE)) throw new WorkerEnded(`its logits differ by ${error} of the largest from the engine's`);
}
