import { type Logits, ndArray, RepvggError } from "@repvgg/core";
import { ConfusionMatrix, topKCorrect } from "@repvgg/metrics";
import type { Batch, BatchSource } from "./batch-source.ts";
import { checkBatch, checkSource } from "./check-training.ts";
import type { Classifier } from "./classifier.ts";
import { nextTurn } from "./next-turn.ts";

export interface EvaluateOptions {
  /** Also returns all logits, in the order of the source. @default false */
  keepLogits?: boolean;
  /** Called after each batch. */
  onBatch?(report: EvaluationBatch): void | Promise<void>;
  /** Stops after the running batch with `E_ABORTED`. */
  signal?: AbortSignal;
}

/** One batch of an evaluation. Rates are fractions. */
export interface EvaluationBatch {
  /** Batches done, of `batches`. */
  readonly batch: number;
  readonly batches: number;
  readonly images: number;
  readonly loss: number;
  readonly top1: number;
  readonly top5: number;
  /** Of this batch, loading included. */
  readonly seconds: number;
  /** What was judged. Borrowed: copy what should outlive the call. */
  readonly data: Batch;
  /** `[images, numClasses]`. */
  readonly logits: Logits;
}

/** How good a network is on a data set. Rates are fractions. */
export interface Evaluation {
  /** Mean cross-entropy with the labels, in nats. */
  readonly loss: number;
  readonly top1: number;
  readonly top5: number;
  readonly images: number;
  readonly seconds: number;
  readonly confusion: ConfusionMatrix;
  /** `[images, numClasses]`, when asked for. */
  readonly logits?: Logits;
}

/**
 * Runs a network in inference mode over all batches of a source.
 *
 * @param network Borrowed, in either form.
 * @param source Without shuffling and dropping, so that each image counts once.
 * @throws {RepvggError} `E_DATA`, `E_SHAPE`: the data does not fit the network; `E_ABORTED`.
 */
export async function evaluate(
  network: Classifier,
  source: BatchSource,
  { keepLogits = false, onBatch, signal }: EvaluateOptions = {},
): Promise<Evaluation> {
  checkSource(source, network.spec, "evaluation set");
  const { numClasses } = network.spec;
  const confusion = new ConfusionMatrix(source.dataset.classes ?? numClasses);
  const kept: Float32Array[] = [];
  const sums = { images: 0, loss: 0, top1: 0, top5: 0 };
  const start = performance.now();
  let batches = 0;
  let batchStart = start;

  for await (const batch of source.batches(0, 0)) {
    if (signal?.aborted) throw new RepvggError("E_ABORTED", "The evaluation was stopped.");
    checkBatch(batch, network.spec, "evaluation set");
    const logits = await network.predict(batch.images);
    const { loss, top1, top5 } = judge(logits, batch);
    const N = batch.labels.length;
    sums.images += N;
    sums.loss += loss;
    sums.top1 += top1;
    sums.top5 += top5;
    confusion.addBatch(logits, batch.labels);
    if (keepLogits) kept.push(logits.data);

    batches++;
    const seconds = (performance.now() - batchStart) / 1000;
    const report = { batch: batches, batches: source.batchesPerEpoch, images: N, seconds, data: batch, logits };
    await onBatch?.({ ...report, loss: loss / N, top1: top1 / N, top5: top5 / N });
    await nextTurn();
    batchStart = performance.now();
  }
  const { images } = sums;
  if (images === 0) throw new RepvggError("E_DATA", "The loader of the evaluation set gave no batch.");
  const rates = { loss: sums.loss / images, top1: sums.top1 / images, top5: sums.top5 / images };
  const seconds = (performance.now() - start) / 1000;
  const logits = keepLogits ? { logits: ndArray([images, numClasses], concat(kept)) } : {};
  return { ...rates, images, seconds, confusion, ...logits };
}

/** Sums over a batch. */
function judge(logits: Logits, { labels }: Batch): { loss: number; top1: number; top5: number } {
  const [top1, top5] = topKCorrect(logits, labels, [1, 5]) as [number, number];
  const C = logits.shape[1];
  let loss = 0;
  for (let n = 0; n < labels.length; n++) {
    loss += negativeLogLikelihood(logits.data.subarray(n * C, (n + 1) * C), labels[n]!);
  }
  return { loss, top1, top5 };
}

/** −log softmax(row)[label], in float64. */
function negativeLogLikelihood(row: Float32Array, label: number): number {
  const largest = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return Math.log(row.reduce((sum, z) => sum + Math.exp(z - largest), 0)) + largest - row[label]!;
}

function concat(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
