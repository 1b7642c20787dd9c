/**
 * Takes some steps of a training in a process of its own, which may run out of memory without ending anybody's work. The settings
 * come as JSON in the only argument; prints one line of JSON, {@link ProbeAnswer}.
 */
import type { RepvggError } from "@repvgg/core";
import { Terminal } from "../../terminal.ts";
import { rehearseSteps } from "../rehearse.ts";
import type { Settings } from "../settings.ts";
import { planTraining } from "../training-plan.ts";
import type { ProbedBatch } from "./find-batch-size.ts";

export type ProbeAnswer = ProbedBatch | { readonly error: { readonly code?: string; readonly message: string } };

/** Two warm the device up. */
const STEPS = 4;
/** More gather what they have in the same memory. */
const MOST_ACCUMULATED = 2;

async function probe(given: Settings): Promise<ProbedBatch> {
  const accumulate = Math.min(given.accumulate, MOST_ACCUMULATED);
  const { stdout, stderr, env } = process;
  const terminal = new Terminal({ stdout, stderr, env }, true);
  const plan = await planTraining({ ...given, accumulate, onNan: "skip" }, terminal);
  const { secondsPerStep, peakMemoryBytes } = await rehearseSteps(plan, terminal.interruptSignal(), terminal, STEPS);
  const imagesPerSecond = (given.batchSize * accumulate) / secondsPerStep;
  return { imagesPerSecond, peakMemoryBytes, batchesPerEpoch: plan.stepsPerEpoch };
}

const answer: ProbeAnswer = await probe(JSON.parse(process.argv[2]!)).catch((error: RepvggError) => ({
  error: { code: error.code, message: error.message },
}));
process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0));
