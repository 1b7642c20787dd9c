import { type Random, RepvggError, seededRandom } from "@repvgg/core";
import type { Axis, SettingValue } from "./search-space.ts";

/** What one trial is trained with, besides what all have. */
export type TrialSettings = Readonly<Record<string, SettingValue>>;

const MOST_TRIALS = 1000;
/** Of a drawn number: as many digits as a person would type. */
const DIGITS = 4;

/**
 * Every combination, the last setting changing first.
 *
 * @throws {RepvggError} `E_USAGE`: there is nothing to search, a range has no end of values, or there are more than 1000.
 */
export function gridTrials(axes: readonly Axis[]): TrialSettings[] {
  if (axes.length === 0) {
    fail("Nothing is searched. Name settings and their values: --grid lr=0.05,0.1 --grid momentum=0.8,0.9");
  }
  if (axes.some((axis) => !("values" in axis))) fail("--range is drawn from: say how many trials, with --random 10.");
  const count = combinations(axes);
  if (count > MOST_TRIALS) {
    fail(`These are ${count} combinations, ${MOST_TRIALS} at most. Name fewer values, or draw some: --random 20.`);
  }
  let trials: TrialSettings[] = [{}];
  for (const axis of axes) {
    const values = "values" in axis ? axis.values : [];
    trials = trials.flatMap((trial) => values.map((value) => ({ ...trial, [axis.key]: value })));
  }
  return trials;
}

/**
 * So many different combinations, each setting drawn uniformly from its values or its range.
 *
 * @throws {RepvggError} `E_USAGE`: there is nothing to draw from, or less than `count`.
 */
export function randomTrials(axes: readonly Axis[], count: number, seed: number): TrialSettings[] {
  if (axes.length === 0)
    fail("--random has nothing to draw from. Name it: --range lr=0.001:0.5:log, or --grid lr=0.05,0.1.");
  const possible = combinations(axes);
  if (count > possible)
    fail(`--random ${count} is more than the ${possible} combinations that there are. Choose less.`);
  const random = seededRandom(seed);
  const trials = new Map<string, TrialSettings>();
  while (trials.size < count) {
    const trial = Object.fromEntries(axes.map((axis) => [axis.key, draw(axis, random)]));
    trials.set(JSON.stringify(trial), trial);
  }
  return [...trials.values()];
}

function combinations(axes: readonly Axis[]): number {
  return axes.reduce((count, axis) => count * sizeOf(axis), 1);
}

function sizeOf(axis: Axis): number {
  if ("values" in axis) return axis.values.length;
  return axis.whole ? axis.to - axis.from + 1 : Number.POSITIVE_INFINITY;
}

function draw(axis: Axis, random: Random): SettingValue {
  if ("values" in axis) return axis.values[Math.floor(random() * axis.values.length)]!;
  const { from, to, log, whole } = axis;
  // The ends of whole numbers are as likely as those between them.
  const [low, high] = whole ? [from, to + 1] : [from, to];
  const drawn = log ? low * (high / low) ** random() : low + (high - low) * random();
  const value = whole ? Math.floor(drawn) : Number(drawn.toPrecision(DIGITS));
  return Math.min(Math.max(value, from), to);
}

function fail(message: string): never {
  throw new RepvggError("E_USAGE", message);
}
