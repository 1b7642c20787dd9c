import type { QuickstartResult } from "./result.ts";

/** What the distillation brought. */
export interface Comparison {
  /** Mean errors over the seeds. */
  readonly alone: number;
  readonly distilled: number;
  /** `1 − distilled / alone`: positive when the distilled students are better. 0 where the plain ones make no error. */
  readonly reduction: number;
  /** Of each seed, in order. */
  readonly reductions: readonly number[];
}

/** Compares the distilled students with the plain ones, over all seeds. */
export function compareStudents(result: Pick<QuickstartResult, "seeds">): Comparison {
  const mean = (values: number[]) => values.reduce((sum, n) => sum + n, 0) / values.length;
  const reductionOf = (alone: number, distilled: number) => (alone === 0 ? 0 : 1 - distilled / alone);
  const alone = mean(result.seeds.map((seed) => seed.alone.errors));
  const distilled = mean(result.seeds.map((seed) => seed.distilled.errors));
  return {
    alone,
    distilled,
    reduction: reductionOf(alone, distilled),
    reductions: result.seeds.map((seed) => reductionOf(seed.alone.errors, seed.distilled.errors)),
  };
}
