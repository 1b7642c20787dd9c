import { type Logits, ndArray, RepvggError, ShapeError } from "@repvgg/core";
import { type AnswerFormat, checkAnswerFormat, decodeAnswer, encodeAnswer, imageFingerprint } from "./answer-rows.ts";
import type { Batch } from "./batch-source.ts";
import type { TrainingPosition } from "./objective.ts";
import type { Teacher } from "./teacher.ts";

/** Where a teacher's answers are kept: rows of bytes, of `encodeAnswer`. */
export interface AnswerStore {
  /**
   * @param epoch Counted from 0.
   * @param images Indices of a data set.
   * @returns For each the row that was last added to this epoch; undefined where there is none, or it is damaged.
   */
  read(epoch: number, images: Int32Array): Promise<readonly (Uint8Array | undefined)[]>;
  /** Adds rows to those of an epoch. */
  append(epoch: number, rows: readonly Uint8Array[]): Promise<void>;
}

export interface RecordedTeacherOptions extends AnswerFormat {
  /** Runs where an answer is not kept yet; asked for then only. */
  readonly teacher: Teacher;
  readonly store: AnswerStore;
  /** Whether an image looks another way in each epoch: its answers are then kept for each. */
  readonly changing: boolean;
  /** Told of each batch: how many of its answers were kept, and of how many the teacher was asked. */
  onBatch?(counts: { kept: number; asked: number }): void;
}

/**
 * A teacher whose answers are kept: what it said once it is not asked again.
 *
 * The augmentation is replayed, not stored: a batch is a function of seed, epoch and index, so the student sees the pixels of the
 * answer; a fingerprint of them is kept with it. The run that first asks learns from the rounded answers, too: both runs have the
 * same weights, bit for bit. Its logits are shifted so that the largest of each image is 0.
 *
 * It shows no features: they are too large to keep.
 *
 * @throws {RepvggError} `E_USAGE`: `topK` is out of range. Where it is asked, `E_DATA`: an answer is kept that is of other pixels.
 * @see Wu et al. 2022, TinyViT, §3.1. https://arxiv.org/abs/2207.10666
 */
export function recordedTeacher({ teacher, store, changing, onBatch, ...format }: RecordedTeacherOptions): Teacher {
  checkAnswerFormat(format);
  const { numClasses: C } = format;
  return async (batch: Batch, position: TrainingPosition): Promise<Logits> => {
    const epoch = changing ? position.epoch : 0;
    const { indices, images } = batch;
    const N = indices.length;
    const pixels = images.data.length / N;
    const fingerprints = Array.from({ length: N }, (_, n) =>
      imageFingerprint(images.data.subarray(n * pixels, (n + 1) * pixels)),
    );
    const rows = [...(await store.read(epoch, indices))];
    const missing = rows.flatMap((row, n) => (row ? [] : [n]));
    if (missing.length > 0) {
      const answers = await teacher(batch, position);
      if (answers.shape[0] !== N || answers.shape[1] !== C) {
        throw new ShapeError("The teacher's logits", `[${N}, ${C}]`, answers.shape);
      }
      for (const n of missing) {
        const about = { image: indices[n]!, fingerprint: fingerprints[n]! };
        rows[n] = encodeAnswer(answers.data.subarray(n * C, (n + 1) * C), format, about);
      }
      await store.append(
        epoch,
        missing.map((n) => rows[n]!),
      );
    }
    onBatch?.({ kept: N - missing.length, asked: missing.length });
    const logits = new Float32Array(N * C);
    rows.forEach((row, n) => {
      const kept = decodeAnswer(row!, format);
      if (kept.fingerprint !== fingerprints[n]) throw otherPixels(indices[n]!, position);
      logits.set(kept.logits, n * C);
    });
    return ndArray([N, C], logits);
  };
}

const otherPixels = (image: number, { epoch }: TrainingPosition) =>
  new RepvggError(
    "E_DATA",
    `The answer that is kept of image ${image} in epoch ${epoch + 1} is of other pixels: the image, its augmentation or ` +
      "its normalisation has changed since. Keep the answers of these images in another place, or delete the old ones.",
  );
