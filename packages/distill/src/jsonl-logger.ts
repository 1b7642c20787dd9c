import type { TrainerCallbacks } from "./trainer-types.ts";

/**
 * Logs one JSON object an epoch and split: epoch, split, loss, top1, top5, lr, imagesPerSecond, seconds, on `train` dataSeconds.
 *
 *     jsonlLogger((line) => appendFile("metrics.jsonl", line))
 *
 * @param append Is given each line with its newline.
 */
export function jsonlLogger(append: (line: string) => void | Promise<void>): TrainerCallbacks {
  return {
    async onEpoch({ train, validation }) {
      for (const record of validation ? [train, validation] : [train]) await append(`${JSON.stringify(record)}\n`);
    },
  };
}
