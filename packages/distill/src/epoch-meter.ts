import type { Logits } from "@repvgg/core";
import { topKCorrect } from "@repvgg/metrics";
import type { Figures } from "./objective.ts";
import type { EpochRecord, TrainerProgress } from "./trainer-types.ts";

/** Sums over an epoch, which survive an interruption. */
export class EpochMeter {
  #sums: TrainerProgress["running"];

  constructor(sums: TrainerProgress["running"] = { images: 0, loss: 0, top1: 0, top5: 0, seconds: 0, lr: 0 }) {
    this.#sums = sums;
  }

  /** Adds a batch: its mean loss, its logits `[N, C]`, its labels `[N]`, what the objective told of it. */
  add(loss: number, logits: Logits, labels: ArrayLike<number>, lr: number, figures: Figures = {}): void {
    const [top1, top5] = topKCorrect(logits, labels, [1, 5]) as [number, number];
    const { images, loss: sum, ...sums } = this.#sums;
    const N = labels.length;
    this.#sums = {
      images: images + N,
      loss: sum + loss * N,
      top1: sums.top1 + top1,
      top5: sums.top5 + top5,
      seconds: sums.seconds,
      lr,
      ...(sums.dataSeconds !== undefined && { dataSeconds: sums.dataSeconds }),
      ...(sums.skipped !== undefined && { skipped: sums.skipped }),
      ...addFigures(sums.figures, figures, N),
    };
  }

  /** Counts a batch whose loss was not finite. */
  skip(lr: number): void {
    this.#sums = { ...this.#sums, lr, skipped: (this.#sums.skipped ?? 0) + 1 };
  }

  /** @param waited Of `seconds`, those spent waiting for the batch. */
  addSeconds(seconds: number, waited: number): void {
    const { seconds: all, dataSeconds = 0 } = this.#sums;
    this.#sums = { ...this.#sums, seconds: all + seconds, dataSeconds: dataSeconds + waited };
  }

  get sums(): TrainerProgress["running"] {
    return this.#sums;
  }

  /** Means over what was added. */
  record(epoch: number): EpochRecord {
    const { images, loss, top1, top5, seconds, lr, dataSeconds, figures, skipped } = this.#sums;
    const mean = (sum: number) => sum / images;
    const imagesPerSecond = seconds > 0 ? images / seconds : 0;
    return {
      epoch,
      split: "train",
      loss: mean(loss),
      top1: mean(top1),
      top5: mean(top5),
      lr,
      imagesPerSecond,
      seconds,
      ...(dataSeconds !== undefined && { dataSeconds }),
      ...(skipped !== undefined && { skipped }),
      ...(figures && { figures: Object.fromEntries(Object.entries(figures).map(([name, sum]) => [name, mean(sum)])) }),
    };
  }
}

function addFigures(sums: Figures | undefined, figures: Figures, images: number): { figures?: Figures } {
  const entries = Object.entries(figures).map(([name, value]) => [name, (sums?.[name] ?? 0) + value * images]);
  return entries.length > 0 || sums ? { figures: { ...sums, ...Object.fromEntries(entries) } } : {};
}
