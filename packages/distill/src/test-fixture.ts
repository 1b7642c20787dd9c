import { readFileSync } from "node:fs";

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
