import { RepvggError } from "@repvgg/core";
import type { Preprocessing } from "@repvgg/data";
import { resized } from "./predict-images.ts";
import type { Settings } from "./settings.ts";
import type { TrainingPlan } from "./training-plan.ts";

/** Sizes that a training grows through, as EfficientNetV2's. */
const STAGES = 4;
const MULTIPLE = 8;
const SMALLEST = 8;
const LARGEST = 16384;

/** Height and width of the first and of the last images. */
export interface GrowingSize {
  readonly from: number;
  readonly to: number;
}

/** `160:224`. @throws {RepvggError} `E_USAGE`: no two sizes that grow, or `--image-size` is another than the last. */
export function growingSizeOf({
  progressive,
  imageSize,
}: Pick<Settings, "progressive" | "imageSize">): GrowingSize | undefined {
  if (progressive === undefined) return undefined;
  const [from = 0, to = 0, ...more] = progressive.split(":").map(Number);
  const fits = (size: number) => Number.isInteger(size) && size >= SMALLEST && size <= LARGEST;
  if (!fits(from) || !fits(to) || from >= to || more.length > 0) {
    throw new RepvggError("E_USAGE", `--progressive must be two sizes that grow, as 160:224, got "${progressive}".`);
  }
  if (imageSize !== undefined && imageSize !== to) {
    throw new RepvggError(
      "E_USAGE",
      `--progressive ends at ${to}, and --image-size is ${imageSize}. Leave the latter out.`,
    );
  }
  return { from, to };
}

/**
 * Height and width of the images of an epoch: four sizes at equal distances, each for a quarter of the epochs, in multiples of 8.
 *
 * @param epoch Counted from 0.
 * @see Tan and Le 2021, EfficientNetV2, §4.2. https://arxiv.org/abs/2104.00298
 */
export function sizeOfEpoch({ from, to }: GrowingSize, epoch: number, epochs: number): number {
  const stages = Math.min(STAGES, epochs);
  const stage = Math.min(stages - 1, Math.floor((epoch * stages) / epochs));
  if (stage === stages - 1) return to;
  return Math.min(to, Math.round((from + ((to - from) * stage) / (stages - 1)) / MULTIPLE) * MULTIPLE);
}

/** Heights and widths that the training images grow through before the last one. */
export function smallerSizesOf(settings: Pick<Settings, "progressive" | "imageSize" | "epochs">): number[] {
  const growing = growingSizeOf(settings);
  if (!growing) return [];
  const ofEpochs = Array.from({ length: settings.epochs }, (_, epoch) => sizeOfEpoch(growing, epoch, settings.epochs));
  return [...new Set(ofEpochs)].filter((size) => size !== growing.to);
}

/** The preprocessing of the training images of an epoch; validation keeps the plan's. */
export function preprocessingOfEpoch({ settings, preprocessing }: TrainingPlan, epoch: number): Preprocessing {
  const growing = growingSizeOf(settings);
  return growing ? resized(preprocessing, sizeOfEpoch(growing, epoch, settings.epochs)) : preprocessing;
}
