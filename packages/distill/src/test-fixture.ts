import { readFileSync } from "node:fs";
import type { DistLossOptions } from "./dist-loss.ts";
import type { DkdLossOptions } from "./dkd-loss.ts";

interface ValueAndGradient {
  readonly value: number;
  /** `[N, C]`, of the loss at the student's logits. */
  readonly gradient: readonly number[];
}

/** What PyTorch gives in float64; made by fixtures/make_losses.py. */
export interface LossFixture {
  readonly shape: [N: number, C: number];
  readonly student: number[];
  readonly teacher: number[];
  readonly labels: readonly number[];
  readonly crossEntropy: readonly ({ readonly labelSmoothing: number } & ValueAndGradient)[];
  readonly kd: readonly ({ readonly temperature: number; readonly alpha: number } & ValueAndGradient)[];
  readonly schedules: Readonly<Record<"cosine" | "cosineToTenth" | "step" | "warmup", readonly number[]>>;
}

export function lossFixture(): LossFixture {
  return JSON.parse(readFileSync(new URL("./fixtures/losses.json", import.meta.url), "utf8"));
}

/** Largest |a − b|, in units of the largest |b| or of 1 where all are smaller. */
export function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let [largest, scale] = [0, 1];
  for (let i = 0; i < a.length; i++) {
    const gap = Math.abs(a[i]! - b[i]!);
    largest = Number.isNaN(gap) ? Number.POSITIVE_INFINITY : Math.max(largest, gap);
    scale = Math.max(scale, Math.abs(b[i]!));
  }
  return largest / scale;
}

interface LossCase extends ValueAndGradient {
  readonly input: "usual" | "extreme" | "faint";
}

type FeatureShapes = readonly [student: Shape4, teacher: Shape4, same: Shape4];
type Shape4 = [N: number, h: number, w: number, C: number];

/** What PyTorch gives in float64; made by fixtures/make_distillation_losses.py. */
export interface DistillationLossFixture {
  readonly shape: [N: number, C: number];
  readonly inputs: Readonly<Record<LossCase["input"], { readonly student: number[]; readonly teacher: number[] }>>;
  readonly labels: readonly number[];
  readonly soft: readonly (LossCase & { readonly temperature: number })[];
  readonly hard: readonly LossCase[];
  readonly dkd: readonly (LossCase & Required<DkdLossOptions>)[];
  readonly dist: readonly (LossCase & Required<DistLossOptions>)[];
  readonly features: {
    readonly shapes: FeatureShapes;
    readonly student: number[];
    readonly teacher: number[];
    /** As wide as the student. */
    readonly same: number[];
    readonly hint: ValueAndGradient;
    readonly attention: ValueAndGradient;
  };
}

export function distillationLossFixture(): DistillationLossFixture {
  return JSON.parse(readFileSync(new URL("./fixtures/distillation-losses.json", import.meta.url), "utf8"));
}
