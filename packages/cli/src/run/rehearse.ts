import { inspectDataset } from "@repvgg/data/node";
import { type Batch, evaluate, Trainer, type TrainingLength } from "@repvgg/distill";
import type { CommandResult } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { someOf } from "./data-source.ts";
import { duration, scaled } from "./numbers.ts";
import { type OpenTraining, withTraining } from "./open-training.ts";
import { optimizerOf, scheduleOf, trainingSources } from "./training-parts.ts";
import { describePlan, type TrainingPlan } from "./training-plan.ts";

const STEPS = 10;
/** The first ones also compile and start threads. */
const WARMUP_STEPS = 2;
const VALIDATION_BATCHES = 2;
const SHOWN_PROBLEMS = 5;

/** What a few real steps tell of the whole training. */
interface Rehearsal {
  /** Steps that were done. */
  readonly rehearsedSteps: number;
  /** Median, loading included. */
  readonly secondsPerStep: number;
  /** Of one validation. */
  readonly validationSeconds: number;
  readonly expectedSeconds: number;
  /** The most that the process has held until now: Node, the network, batches and workers. */
  readonly peakMemoryBytes: number;
}

/** `--dry-run`: tells the plan, looks for what is wrong with the data, and does ten real steps. Writes nothing. */
export async function rehearse(plan: TrainingPlan, run: string, terminal: Terminal): Promise<CommandResult> {
  const { value, text } = describePlan(plan, run);
  const signal = terminal.interruptSignal();
  const { problems } = await inspectDataset(plan.source, { decode: false, signal });
  const rehearsal = await rehearseSteps(plan, signal, terminal);
  const { rehearsedSteps, secondsPerStep, validationSeconds, expectedSeconds, peakMemoryBytes } = rehearsal;
  const found = problems.map(({ severity, message }) => `${severity}: ${message}`);
  const lines = [
    text,
    `memory   ${scaled(peakMemoryBytes)}B at most in ${rehearsedSteps} steps, everything included`,
    `time     ${duration(expectedSeconds)} expected: ${secondsPerStep.toPrecision(3)} s a step, ${duration(validationSeconds)} a validation`,
    `checks   ${found.length === 0 ? "nothing is wrong with the data" : `${found.length} problems of the data`}`,
    ...found.slice(0, SHOWN_PROBLEMS).map((line) => `         ${line}`),
    ...(found.length > SHOWN_PROBLEMS ? [`         All: repvgg data inspect ${plan.settings.data}`] : []),
  ];
  return { value: { ...value, ...rehearsal, problems }, text: lines.join("\n") };
}

/** On so many images that ten steps have enough; the cache of decoded images is left alone. */
export async function rehearseSteps(
  plan: TrainingPlan,
  signal: AbortSignal,
  terminal: Terminal,
  steps = STEPS,
): Promise<Rehearsal> {
  const { batchSize, accumulate, epochs } = plan.settings;
  const batches = Math.min(steps * accumulate, plan.stepsPerEpoch);
  const stepsPerEpoch = Math.ceil(plan.stepsPerEpoch / accumulate);
  const whole = { stepsPerEpoch, totalSteps: epochs * stepsPerEpoch };
  const { cache: _, ...without } = plan; // nothing is written
  const few: TrainingPlan = {
    ...without,
    settings: { ...plan.settings, cache: "none", progressive: undefined }, // the largest images: an upper bound
    training: someOf(plan.training, batches * batchSize),
    stepsPerEpoch: batches,
  };
  const { seconds, validationSeconds } = await withTraining(few, undefined, signal, terminal, (open) =>
    timeSteps(few, whole, open, { signal, terminal }),
  );
  const measured = seconds.slice(Math.min(WARMUP_STEPS, seconds.length - 1)).sort((a, b) => a - b);
  const secondsPerStep = measured[Math.floor(measured.length / 2)]!;
  return {
    rehearsedSteps: seconds.length,
    secondsPerStep,
    validationSeconds,
    expectedSeconds: epochs * (stepsPerEpoch * secondsPerStep + validationSeconds),
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
  };
}

/** @param whole Of the training that is planned: the learning rates are those of its first steps. */
async function timeSteps(
  plan: TrainingPlan,
  whole: TrainingLength,
  { student: { network }, objective }: OpenTraining,
  { signal, terminal }: { signal: AbortSignal; terminal: Terminal },
): Promise<{ seconds: number[]; validationSeconds: number }> {
  const { settings } = plan;
  const { data, validation } = await trainingSources(plan, terminal);
  try {
    const seconds: number[] = [];
    let before = performance.now();
    const onStep = () => {
      const now = performance.now();
      seconds.push((now - before) / 1000);
      before = now;
    };
    const { accumulate, ema, emaWarmup, onNan: onNonFinite } = settings;
    const optimizer = optimizerOf(settings);
    const schedule = (step: number) => scheduleOf(settings)(step, whole);
    const options = { network, data, objective, optimizer, schedule, accumulate, onNonFinite, signal };
    const average = ema !== undefined && { ema: { decay: ema, warmup: emaWarmup } };
    const save = () => {}; // what is saved takes memory, too
    await new Trainer({ ...options, ...average, save, epochs: 1, callbacks: { onStep } }).run();

    const { batchesPerEpoch } = validation;
    const share = Math.min(VALIDATION_BATCHES, batchesPerEpoch);
    const part = {
      dataset: validation.dataset,
      batchesPerEpoch: share,
      batches: () => firstBatches(validation.batches(0), share),
    };
    const { seconds: spent } = await evaluate(network, part, { signal });
    return { seconds, validationSeconds: (spent * batchesPerEpoch) / share };
  } finally {
    await Promise.all([data.close(), validation.close()]);
  }
}

async function* firstBatches(batches: AsyncIterable<Batch>, count: number): AsyncIterable<Batch> {
  let given = 0;
  for await (const batch of batches) {
    yield batch;
    if (++given === count) return;
  }
}
