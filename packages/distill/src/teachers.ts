import { type Images, type Logits, type Network, ndArray, RepvggError, ShapeError } from "@repvgg/core";
import type { Batch, BatchSource } from "./batch-source.ts";
import { checkBatch, checkSource } from "./check-training.ts";
import type { Classifier } from "./classifier.ts";
import { nextTurn } from "./next-turn.ts";
import type { Teacher } from "./teacher.ts";
import type { Student } from "./trainer-types.ts";

/** A teacher that sees each batch itself: right with augmentation, since both then see the same pixels. */
export function networkTeacher(network: Pick<Network, "predict" | "features">) {
  return Object.assign((batch: Batch): Promise<Logits> => network.predict(batch.images), {
    features: (batch: Batch): Promise<Images[]> => network.features(batch.images),
  });
}

/**
 * The moving average of the student's own weights as its teacher: the mean teacher. Until there is an average, the weights themselves.
 *
 * @param network The student, trained with `ema`; borrowed.
 * @see Tarvainen and Valpola 2017, Mean teachers are better role models. https://arxiv.org/abs/1703.01780
 */
export function averageTeacher(network: Pick<Student, "predict" | "predictAverage" | "exportAverage">): Teacher {
  let hasAverage = false;
  return async ({ images }) => {
    hasAverage ||= (await network.exportAverage()) !== undefined;
    return hasAverage ? network.predictAverage(images) : network.predict(images);
  };
}

/**
 * A teacher whose logits were computed once by {@link teacherLogits}: right without augmentation, and much faster.
 *
 * @param logits `[data set's length, C]`, by the index of the image.
 */
export function cachedTeacher(logits: Logits): (batch: Batch) => Logits {
  const [length, C] = logits.shape;
  return ({ indices }) => {
    const rows = new Float32Array(indices.length * C);
    for (let n = 0; n < indices.length; n++) {
      const i = indices[n]!;
      if (!(i >= 0 && i < length)) {
        throw new RepvggError(
          "E_DATA",
          `The teacher's logits are of ${length} images, but the batch has image ${i}. ` +
            "Compute them on the data set that the student is trained on.",
        );
      }
      rows.set(logits.data.subarray(i * C, (i + 1) * C), n * C);
    }
    return ndArray([indices.length, C], rows);
  };
}

/**
 * The logits of a whole data set, by the index of the image.
 *
 * @param network The teacher; borrowed.
 * @param source Without augmentation and dropping; in any order.
 * @param options.onBatch Called with the images done and their number.
 * @param options.signal Stops after the running batch with `E_ABORTED`.
 * @returns `[data set's length, numClasses]`.
 * @throws {RepvggError} `E_DATA`: an image was left out or does not fit the teacher.
 */
export async function teacherLogits(
  network: Classifier,
  source: BatchSource,
  { onBatch, signal }: { onBatch?(done: number, total: number): void; signal?: AbortSignal } = {},
): Promise<Logits> {
  const what = "teacher's data set";
  checkSource(source, network.spec, what);
  const { length } = source.dataset;
  const C = network.spec.numClasses;
  const all = new Float32Array(length * C);
  const seen = new Uint8Array(length);

  let done = 0;
  for await (const batch of source.batches(0, 0)) {
    if (signal?.aborted) throw new RepvggError("E_ABORTED", "Computing the teacher's logits was stopped.");
    checkBatch(batch, network.spec, what);
    const { data, shape } = await network.predict(batch.images);
    if (shape[1] !== C) throw new ShapeError("The teacher's logits", `[N, ${C}]`, shape);
    for (let n = 0; n < batch.indices.length; n++) {
      const i = batch.indices[n]!;
      all.set(data.subarray(n * C, (n + 1) * C), i * C);
      seen[i] = 1;
    }
    done += batch.indices.length;
    onBatch?.(done, length);
    await nextTurn();
  }
  const missing = seen.indexOf(0);
  if (missing >= 0) {
    throw new RepvggError(
      "E_DATA",
      `The teacher did not see image ${missing}: its loader must give every image, the last, smaller batch too.`,
    );
  }
  return ndArray([length, C], all);
}
