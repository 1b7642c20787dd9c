import { setTimeout } from "node:timers/promises";
import type { Case, PeerName } from "./case.ts";
import { busyCpuMs, waitForFreeCores } from "./free-cores.ts";
import { ModelFiles } from "./model-files.ts";
import type { Measurement } from "./runner.ts";
import { median, quantile } from "./statistics.ts";
import { type Interpreters, WorkerProcess } from "./worker-process.ts";

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
  readonly work: Case;
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
  readonly interpreters: Interpreters;
}

/** A measurement lasts at least this long, so that the clock and the call cost nothing. */
const MEASUREMENT_MS = 50;
/** Rounds end after so long, but not before {@link LEAST_ROUNDS}. */
const BUDGET_MS = 25_000;
const LEAST_ROUNDS = 5;
/** The threads of every library stop spinning within it. */
const PAUSE_MS = 30;
/** float32 sums in another order, over up to 48 layers; relative to the largest logit. */
const TOLERANCE = 1e-3;

/**
 * Measures all peers at one case: in turn, round by round, so that a change of the machine's speed meets them all.
 *
 * @throws {Error} two peers with the same weights do not give the same logits.
 */
export async function compare(work: Case, settings: Settings): Promise<Comparison> {
  const files = new ModelFiles(work.spec, work.form);
  try {
    return await (work.work === "start" ? compareStarts(work, files, settings) : compareRuns(work, files, settings));
  } finally {
    files[Symbol.dispose]();
  }
}

/** One peer's samples. */
interface Samples {
  readonly peer: PeerName;
  readonly description: string;
  readonly measurements: Measurement[];
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
  const opened: { worker: WorkerProcess; times: number; samples: Samples }[] = [];
  const absent: string[] = [];
  try {
    for (const peer of peersOf(work)) {
      const worker = await WorkerProcess.start(requestFor(work, peer, files, settings), settings.interpreters);
      if (typeof worker === "string") {
        absent.push(`${peer}: ${worker}`);
        continue;
      }
      const samples = { peer, description: worker.ready.description, measurements: [] };
      opened.push({ worker, times: await timesFor(worker), samples });
    }
    assertSameLogits(opened.map(({ worker }) => worker.ready.logits));
    const turns = opened.map(({ worker, times, samples }) => ({
      samples,
      measure: () => worker.measure(times),
      times,
    }));
    return { work, absent, ...(await takeTurns(work, turns, settings)) };
  } finally {
    for (const { worker } of opened) await worker.close();
  }
}

/** Every measurement is a new process. */
async function compareStarts(work: Case, files: ModelFiles, settings: Settings): Promise<Comparison> {
  const turns: Turn[] = [];
  const absent: string[] = [];
  for (const peer of peersOf(work)) {
    const request = requestFor(work, peer, files, settings);
    const first = await WorkerProcess.start(request, settings.interpreters);
    if (typeof first === "string") {
      absent.push(`${peer}: ${first}`);
      continue;
    }
    await first.close();
    const measure = async () => {
      const worker = await WorkerProcess.start(request, settings.interpreters);
      if (typeof worker === "string") throw new Error(worker);
      const { peakBytes } = await worker.measure(1);
      await worker.close();
      return { ms: worker.ready.startMs, cpuMs: 0, peakBytes };
    };
    turns.push({ samples: { peer, description: first.ready.description, measurements: [] }, measure, times: 1 });
  }
  return { work, absent, ...(await takeTurns(work, turns, settings)) };
}

interface Turn {
  readonly samples: Samples;
  readonly measure: () => Promise<Measurement>;
  /** Repetitions within a measurement. */
  readonly times: number;
}

/** Round by round, everyone one measurement. */
async function takeTurns(work: Case, turns: readonly Turn[], settings: Settings) {
  await waitForFreeCores();
  const begin = performance.now();
  const busy = busyCpuMs();
  let own = 0;
  let rounds = 0;
  while (rounds < settings.rounds && (rounds < LEAST_ROUNDS || performance.now() - begin < BUDGET_MS)) {
    for (const { samples, measure, times } of turns) {
      await setTimeout(PAUSE_MS);
      const measurement = await measure();
      samples.measurements.push(measurement);
      // The worker's run before it measures is not in it.
      own += measurement.cpuMs * (1 + 1 / times);
    }
    rounds++;
  }
  const others = (busyCpuMs() - busy - own) / (performance.now() - begin);
  return {
    threads: work.threads ?? settings.threads,
    rounds,
    results: resultsOf(turns.map(({ samples }) => samples)),
    coresTaken: work.work === "start" ? 0 : Math.max(0, others),
  };
}

function resultsOf(all: readonly Samples[]): Result[] {
  const engine = all[0]!.measurements;
  return all.map(({ peer, description, measurements }) => {
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

function assertSameLogits(answers: readonly (readonly number[] | null)[]): void {
  const [first, ...others] = answers.filter((logits) => logits !== null);
  if (!first) return;
  const scale = first.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (const other of others) {
    const error = first.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0) / scale;
    if (!(error <= TOLERANCE))
      throw new Error(`Two peers differ by ${error} of the largest logit; speed means nothing then.`);
  }
}
