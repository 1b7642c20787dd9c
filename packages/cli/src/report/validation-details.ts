import type { Preprocessing } from "@repvgg/data";
import type { ValidationBatch } from "@repvgg/distill";
import { type CalibrationBin, CalibrationMeter, type Confusion, ConfusionMatrix, WorstMistakes } from "@repvgg/metrics";
import { type Thumbnail, thumbnailOf } from "./thumbnails.ts";

const MISTAKES = 16;

/** One of the images that a network is most wrong about. Probabilities are fractions. */
export interface MistakenImage {
  /** Position in the validation set. */
  readonly index: number;
  readonly label: number;
  readonly predicted: number;
  readonly labelProbability: number;
  readonly predictedProbability: number;
  /** A thumbnail, as a PNG in base64, and its size. */
  readonly png: string;
  readonly size: readonly [height: number, width: number];
}

/** What `validation.json` says: how the best weights answered to the validation set. */
export interface ValidationDetails {
  readonly epoch: number;
  /** `ema`: the average of the weights answered. */
  readonly split: "val" | "ema";
  readonly classes: readonly string[];
  /** Images of each class, and how many of them were called so and rightly. */
  readonly support: readonly number[];
  readonly right: readonly number[];
  /** Of all images that were called so. */
  readonly predicted: readonly number[];
  /** What is off the diagonal of the confusion matrix and not 0, the largest first. */
  readonly confused: readonly Confusion[];
  readonly calibration: { readonly error: number | null; readonly bins: readonly CalibrationBin[] };
  readonly mistakes: readonly MistakenImage[];
}

/** Adds up a validation, batch by batch. */
export class ValidationCollector {
  readonly #position: Pick<ValidationBatch, "epoch" | "split">;
  readonly #preprocessing: Preprocessing;
  readonly #confusion: ConfusionMatrix;
  readonly #calibration = new CalibrationMeter();
  readonly #mistakes = new WorstMistakes<{ index: number; thumbnail: Thumbnail }>(MISTAKES);

  constructor(
    { epoch, split }: Pick<ValidationBatch, "epoch" | "split">,
    classes: readonly string[],
    preprocessing: Preprocessing,
  ) {
    this.#position = { epoch, split };
    this.#preprocessing = preprocessing;
    this.#confusion = new ConfusionMatrix(classes);
  }

  add({ data: { images, labels, indices }, logits }: Pick<ValidationBatch, "data" | "logits">): void {
    this.#confusion.addBatch(logits, labels);
    this.#calibration.addBatch(logits, labels);
    this.#mistakes.addBatch(logits, labels, (row) => ({
      index: indices[row]!,
      thumbnail: thumbnailOf(images, row, this.#preprocessing),
    }));
  }

  details(): ValidationDetails {
    const confusion = this.#confusion;
    const { error, bins } = this.#calibration;
    const { classes } = confusion;
    const perClass = confusion.perClass();
    const columns = classes.map((_, c) => classes.reduce((sum, _, label) => sum + confusion.at(label, c), 0));
    return {
      ...this.#position,
      classes,
      support: perClass.map(({ support }) => support),
      right: classes.map((_, c) => confusion.at(c, c)),
      predicted: columns,
      confused: confusion.mostConfused(Number.POSITIVE_INFINITY),
      calibration: { error: Number.isNaN(error) ? null : error, bins },
      mistakes: this.#mistakes.list.map(({ item: { index, thumbnail }, ...figures }) => ({
        index,
        ...figures,
        png: Buffer.from(thumbnail.png).toString("base64"),
        size: thumbnail.size,
      })),
    };
  }
}
