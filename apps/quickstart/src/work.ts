import { layerPlan, profile } from "@repvgg/core";
import type { Recipe, Settings } from "./settings.ts";

/** What each image costs besides its multiplications, in multiplications: loading, loss, calls. */
const OVERHEAD = 1e6;

/** The work of each stage in one unit, about proportional to seconds: what the time left is told from. */
export interface WorkPlan {
  readonly teacher: number;
  readonly student: number;
  readonly teacherLogits: number;
  readonly testLogits: number;
  readonly proof: number;
  readonly latency: number;
}

/** Estimates the work of the stages; a training step costs three times a forward pass. */
export function planWork(settings: Settings, size: readonly [height: number, width: number]): WorkPlan {
  const { teacher, student, testImages } = settings;
  const costOf = ({ spec }: Recipe) => profile(layerPlan(spec, size), "train").macs + OVERHEAD;
  const training = (recipe: Recipe) => recipe.epochs * costOf(recipe) * (3 * recipe.images + testImages);
  return {
    teacher: training(teacher),
    student: training(student),
    teacherLogits: student.images * costOf(teacher),
    testLogits: testImages * costOf(teacher),
    proof: 2 * testImages * costOf(student),
    latency: 10_000 * costOf(student),
  };
}

/** The work of a whole run. */
export function totalWork(work: WorkPlan, seeds: number): number {
  const { teacher, student, teacherLogits, testLogits, proof, latency } = work;
  return teacher + 2 * seeds * student + teacherLogits + testLogits + proof + latency;
}
