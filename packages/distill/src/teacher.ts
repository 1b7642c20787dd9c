import type { Images, Logits } from "@repvgg/core";
import type { Batch } from "./batch-source.ts";
import type { TrainingPosition } from "./objective.ts";

/**
 * Gives the teacher's logits of a batch, `[N, C]`.
 *
 * A function is a teacher. See `networkTeacher`, `cachedTeacher` and `ensembleTeacher`.
 */
export interface Teacher {
  (batch: Batch, position: TrainingPosition): Logits | Promise<Logits>;
  /** The outputs of its stages 1 to 4, `[N, h, w, C]` each; absent for a teacher that shows none. */
  features?(batch: Batch, position: TrainingPosition): Promise<readonly Images[]>;
}
