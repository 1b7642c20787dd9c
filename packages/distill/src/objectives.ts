import { type Tensor2D, tensor2d } from "@tensorflow/tfjs-core";
import type { Batch } from "./batch-source.ts";
import { type CrossEntropyOptions, checkCrossEntropy, crossEntropy } from "./cross-entropy.ts";
import { checkKdLoss, type KdLossOptions, kdLoss } from "./kd-loss.ts";
import type { BatchLoss, TrainingPosition } from "./objective.ts";
import { targetsOf } from "./targets.ts";
import type { Teacher } from "./teacher.ts";

/**
 * Training on the labels alone.
 *
 * @throws {RepvggError} `E_USAGE`: an option is out of range.
 */
export function crossEntropyObjective(options: CrossEntropyOptions = {}): (batch: Batch) => BatchLoss {
  checkCrossEntropy(options);
  return (batch) =>
    ({ logits }) =>
      crossEntropy(logits as Tensor2D, targetsOf(batch, logits.shape[1]!), options);
}

/**
 * Training under a teacher, by Hinton's loss.
 *
 * @throws {RepvggError} `E_USAGE`: an option is out of range.
 */
export function kdObjective({
  teacher,
  ...options
}: { teacher: Teacher } & KdLossOptions): (batch: Batch, position: TrainingPosition) => Promise<BatchLoss> {
  checkKdLoss(options);
  return async (batch, position) => {
    const { shape, data } = await teacher(batch, position);
    return ({ logits }) => {
      const labels = targetsOf(batch, logits.shape[1]!);
      return kdLoss(logits as Tensor2D, tensor2d(data, [...shape]), labels, options);
    };
  };
}
