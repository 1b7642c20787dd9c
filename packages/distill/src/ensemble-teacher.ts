import { type Logits, ndArray, RepvggError, ShapeError, sameShape } from "@repvgg/core";
import type { Batch } from "./batch-source.ts";
import type { TrainingPosition } from "./objective.ts";
import { type Scheduled, valueAt } from "./scheduled.ts";
import { checkTemperature, DEFAULT_TEMPERATURE } from "./soft-target-loss.ts";
import type { Teacher } from "./teacher.ts";

export interface EnsembleOptions {
  /** That of the loss: at it the answers are averaged. @default 4 */
  temperature?: Scheduled;
}

/**
 * Several teachers as one, whose softened probabilities are the mean of theirs.
 *
 *     z = T · log( 1/K · Σ_k softmax(z_k / T) )        so that softmax(z / T) = 1/K · Σ_k softmax(z_k / T)
 *
 * It has no features: the networks' stages do not correspond.
 *
 * @param teachers With the same classes in the same order.
 * @throws {RepvggError} `E_USAGE`: there is none, or the temperature is no positive number. Where it is asked, {@link ShapeError}: their
 *   answers have different shapes.
 * @see Hinton, Vinyals and Dean 2015, §2 and §5. https://arxiv.org/abs/1503.02531
 */
export function ensembleTeacher(teachers: readonly Teacher[], options: EnsembleOptions = {}): Teacher {
  const { temperature = DEFAULT_TEMPERATURE } = options;
  if (teachers.length === 0) throw new RepvggError("E_USAGE", "An ensemble needs at least one teacher.");
  if (typeof temperature === "number") checkTemperature(temperature);
  return async (batch: Batch, position: TrainingPosition): Promise<Logits> => {
    const answers: Logits[] = [];
    for (const teacher of teachers) answers.push(await teacher(batch, position));
    const [first, ...others] = answers;
    const other = others.find(({ shape }) => !sameShape(shape, first!.shape));
    if (other) throw new ShapeError("The answer of a teacher of the ensemble", `[${first!.shape}]`, other.shape);
    return meanAnswer(answers, valueAt(temperature, position));
  };
}

/** In float64 and relative to the largest of each class, so that no sum of tiny probabilities becomes 0. */
function meanAnswer(answers: readonly Logits[], T: number): Logits {
  const [N, C] = answers[0]!.shape;
  const result = new Float32Array(N * C);
  for (let n = 0; n < N; n++) {
    const rows = answers.map(({ data }) => logProbabilities(data.subarray(n * C, (n + 1) * C), T));
    for (let c = 0; c < C; c++) {
      const largest = Math.max(...rows.map((row) => row[c]!));
      const sum = rows.reduce((total, row) => total + Math.exp(row[c]! - largest), 0);
      result[n * C + c] = T * (largest + Math.log(sum / rows.length));
    }
  }
  return ndArray([N, C], result);
}

/** `log softmax(z / T)` of one row. */
function logProbabilities(logits: Float32Array, T: number): Float64Array {
  const scaled = Float64Array.from(logits, (z) => z / T);
  const largest = scaled.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const logSum = largest + Math.log(scaled.reduce((sum, z) => sum + Math.exp(z - largest), 0));
  return scaled.map((z) => z - logSum);
}
