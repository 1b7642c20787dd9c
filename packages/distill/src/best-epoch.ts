import type { EpochRecord } from "./trainer-types.ts";

/** The records that epochs are compared by: those of the validation set, by the weights and their average; without one those of the training set. */
const judged = (history: readonly EpochRecord[]) => {
  const validated = history.filter(({ split }) => split !== "train");
  return validated.length > 0 ? validated : history;
};

/** The record of the epoch with the highest top-1; of equals the earliest. `history` has at least one record. */
export function bestEpoch(history: readonly EpochRecord[]): EpochRecord {
  return judged(history).reduce((best, record) => (record.top1 > best.top1 ? record : best));
}
