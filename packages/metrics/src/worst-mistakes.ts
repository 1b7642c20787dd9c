import { checkLabels, type LogitsLike, predictedClasses } from "./accuracy.ts";
import { rowProbabilities } from "./probabilities.ts";

/** One image that was called something else. */
export interface Mistake<T> {
  readonly label: number;
  readonly predicted: number;
  /** Probability of the label. */
  readonly labelProbability: number;
  /** Probability of what was predicted. */
  readonly predictedProbability: number;
  /** What the caller kept of the image. */
  readonly item: T;
}

/** Of all mistakes, those whose label got the lowest probability: the images that a network is most wrong about. */
export class WorstMistakes<T> {
  readonly #limit: number;
  #worst: Mistake<T>[] = [];

  /** @throws {RangeError} `limit` is no whole number, 0 or more. */
  constructor(limit: number) {
    if (!Number.isInteger(limit) || limit < 0)
      throw new RangeError(`limit must be a whole number, 0 or more, got ${limit}.`);
    this.#limit = limit;
  }

  /**
   * @param logits `[N, C]`.
   * @param labels N class indices.
   * @param keep Called for a row that is among the worst so far: what to remember of its image.
   * @throws {RangeError} Labels or logits that do not fit.
   */
  addBatch(logits: LogitsLike, labels: ArrayLike<number>, keep: (row: number) => T): void {
    const [n] = checkLabels(logits, labels);
    const predicted = predictedClasses(logits);
    for (let row = 0; row < n; row++) {
      const [label, guess] = [labels[row]!, predicted[row]!];
      if (guess === label || guess === -1) continue;
      const p = rowProbabilities(logits, row);
      const place = this.#worst.findIndex(({ labelProbability }) => p[label]! < labelProbability);
      const at = place === -1 ? this.#worst.length : place; // of equals, the earlier stays first
      if (at >= this.#limit) continue;
      const mistake = { label, predicted: guess, labelProbability: p[label]!, predictedProbability: p[guess]! };
      this.#worst.splice(at, 0, { ...mistake, item: keep(row) });
      this.#worst.length = Math.min(this.#worst.length, this.#limit);
    }
  }

  /** The worst first. */
  get list(): readonly Mistake<T>[] {
    return [...this.#worst];
  }
}
