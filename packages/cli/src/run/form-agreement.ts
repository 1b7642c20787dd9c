import { compareLogits, type Logits } from "@repvgg/core";
import type { EvaluationBatch } from "@repvgg/distill";
import { AverageMeter, topKCorrect } from "@repvgg/metrics";
import { grouped } from "./numbers.ts";

/** How well both forms of a network do on the same images, and how far their answers are apart. Rates are fractions. */
export interface FormAgreementFigures {
  readonly images: number;
  /** Images to which both give the same class. */
  readonly agreeing: number;
  readonly agreement: number;
  readonly maxAbsoluteError: number;
  /** The largest difference of two logits, over the largest logit. */
  readonly maxRelativeError: number;
  readonly deploy: { readonly top1: number; readonly top5: number };
}

/** Compares the answers of the deploy form with those of the train form, batch by batch: every image counts. */
export class FormAgreement {
  readonly top1 = new AverageMeter("Acc@1", ":6.2f");
  readonly top5 = new AverageMeter("Acc@5", ":6.2f");
  #images = 0;
  #agreeing = 0;
  #difference = 0;
  #largest = 0;

  /** @param deploy `[N, C]`, of the batch that the report is of. */
  add({ data, logits: train, images }: EvaluationBatch, deploy: Logits): void {
    const { maxAbsoluteError, agreement } = compareLogits(deploy, train);
    const [top1, top5] = topKCorrect(deploy, data.labels, [1, 5]) as [number, number];
    this.top1.update((top1 / images) * 100, images);
    this.top5.update((top5 / images) * 100, images);
    this.#images += images;
    this.#agreeing += Math.round(agreement * images);
    this.#difference = Math.max(this.#difference, maxAbsoluteError);
    for (const value of train.data) this.#largest = Math.max(this.#largest, Math.abs(value));
  }

  get figures(): FormAgreementFigures {
    const [images, agreeing, maxAbsoluteError] = [this.#images, this.#agreeing, this.#difference];
    const maxRelativeError = maxAbsoluteError === 0 ? 0 : maxAbsoluteError / this.#largest;
    const deploy = { top1: this.top1.avg / 100, top5: this.top5.avg / 100 };
    return { images, agreeing, agreement: agreeing / images, maxAbsoluteError, maxRelativeError, deploy };
  }

  /** For people. */
  describe(): string {
    const { images, agreeing, maxAbsoluteError, maxRelativeError } = this.figures;
    return (
      `Train and deploy form: same class for ${grouped(agreeing)} of ${grouped(images)} images; logits at most ` +
      `${maxAbsoluteError.toExponential(2)} apart, ${maxRelativeError.toExponential(2)} of the largest`
    );
  }
}
