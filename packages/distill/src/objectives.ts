import type { Logits } from "@repvgg/core";
import { type Tensor2D, tensor2d } from "@tensorflow/tfjs-core";
import type { Batch } from "./batch-source.ts";
import { type CrossEntropyOptions, checkCrossEntropy, crossEntropy } from "./cross-entropy.ts";
import { checkKdLoss, type KdLossOptions, kdLoss } from "./kd-loss.ts";
import type { BatchLoss } from "./objective.ts";
import { oneHot } from "./one-hot.ts";

/** Gives the teacher's logits of a batch, `[N, C]`. See `cachedTeacher` and `networkTeacher`. */
export type Teacher = (batch: Batch) => Logits | Promise<Logits>;

/**
 * Training on the labels alone.
 *
 * @throws {RepvggError} `E_USAGE`: an option is out of range.
 */
export function crossEntropyObjective(options: CrossEntropyOptions = {}): (batch: Batch) => BatchLoss {
  checkCrossEntropy(options);
  return ({ labels }) =>
    ({ logits }) =>
      crossEntropy(logits as Tensor2D, oneHot(labels, logits.shape[1]!), options);
}

/**
 * Training under a teacher, by Hinton's loss.
 *
 * @throws {RepvggError} `E_USAGE`: an option is out of range.
 */
export function kdObjective({
  teacher,
  ...options
}: { teacher: Teacher } & KdLossOptions): (batch: Batch) => Promise<BatchLoss> {
  checkKdLoss(options);
  return async (batch) => {
    const { shape, data } = await teacher(batch);
    return ({ logits }) => {
      const labels = oneHot(batch.labels, logits.shape[1]!);
      return kdLoss(logits as Tensor2D, tensor2d(data, [...shape]), labels, options);
    };
  };
}
