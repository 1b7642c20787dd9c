import { RepvggError } from "./errors.ts";
import type { LayerPlan } from "./layer-plan.ts";

/**
 * Checks that every batch normalization has at least two values a channel to take a variance of, as PyTorch does.
 *
 * @throws {RepvggError} `E_SHAPE`.
 */
export function assertBatchStatistics({ blocks, auxiliary, inputSize }: LayerPlan, batchSize: number): void {
  const pixels = [...blocks, ...auxiliary].map(({ outputSize: [height, width] }) => height * width);
  if (batchSize * Math.min(...pixels) >= 2) return;
  throw new RepvggError(
    "E_SHAPE",
    `One image of ${inputSize.join("×")} leaves one value a channel in the last layer, which has no variance. ` +
      "Train with more images a batch, or larger ones.",
  );
}
