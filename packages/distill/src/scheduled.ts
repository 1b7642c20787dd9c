import type { TrainingPosition } from "./objective.ts";

/** A number, or one that changes while a training goes on. */
export type Scheduled = number | ((position: TrainingPosition) => number);

/** The value at a place of a training. */
export function valueAt(scheduled: Scheduled, position: TrainingPosition): number {
  return typeof scheduled === "number" ? scheduled : scheduled(position);
}

/**
 * A number that moves evenly from the first step to the last one.
 *
 *     value(k) = from + (to − from) · k / (totalSteps − 1)
 */
export function linearly(from: number, to: number): (position: TrainingPosition) => number {
  return ({ step, totalSteps }) => from + ((to - from) * step) / Math.max(1, totalSteps - 1);
}
