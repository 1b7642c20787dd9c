import type { LossFunction } from "@repvgg/core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import type { Batch } from "./batch-source.ts";

/**
 * What a network is trained for: gives the loss of one batch as a function of the network's outputs.
 *
 * It may first do asynchronous work (run a teacher); the loss itself is synchronous tfjs code:
 *
 *     const objective: Objective = (batch) => ({ logits }) => myLoss(logits, batch.labels);
 */
export type Objective = (batch: Batch) => LossFunction<Tensor, Scalar> | Promise<LossFunction<Tensor, Scalar>>;
