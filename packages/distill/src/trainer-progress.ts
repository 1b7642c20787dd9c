import { RepvggError } from "@repvgg/core";
import type { TrainerProgress } from "./trainer-types.ts";

export function initialProgress(epochs: number, batchesPerEpoch: number): TrainerProgress {
  const running = { images: 0, loss: 0, top1: 0, top5: 0, seconds: 0, lr: 0 };
  return { version: 1, epoch: 0, batch: 0, epochs, batchesPerEpoch, running, history: [] };
}

/**
 * Whether a progress is one of the training that is to be continued.
 *
 * @throws {RepvggError} `E_STATE`: another version, another length, or a place that the training does not have.
 */
export function checkProgress(progress: TrainerProgress, epochs: number, batchesPerEpoch: number): void {
  const fail = (message: string): never => {
    throw new RepvggError("E_STATE", `This training cannot be resumed: ${message}`);
  };
  if (progress.version !== 1) fail(`its state has version ${progress.version}, this package reads version 1.`);
  if (progress.epochs !== epochs) {
    fail(
      `it was to have ${progress.epochs} epochs, not ${epochs}. Resume with the same, or start anew from its weights.`,
    );
  }
  if (progress.batchesPerEpoch !== batchesPerEpoch) {
    fail(
      `its epochs had ${progress.batchesPerEpoch} batches, now ${batchesPerEpoch}. Use the same data and batch size, or ` +
        "start anew from its weights.",
    );
  }
  const whole = (n: number, most: number) => Number.isInteger(n) && n >= 0 && n <= most;
  if (!whole(progress.epoch, epochs) || !whole(progress.batch, batchesPerEpoch)) {
    fail(`it has no epoch ${progress.epoch}, batch ${progress.batch}. The state is damaged.`);
  }
}
