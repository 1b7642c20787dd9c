import { checkLabels, type LogitsLike, predictedClasses } from "./accuracy.ts";
import { rowProbabilities } from "./probabilities.ts";

/** The images whose largest probability falls into one interval. */
export interface CalibrationBin {
  readonly count: number;
  /** Mean of the largest probabilities; 0 for an empty bin. */
  readonly confidence: number;
  /** Fraction that is right; 0 for an empty bin. */
  readonly accuracy: number;
}

/**
 * Confidence beside accuracy, batch by batch, in equal bins (a, b] of the largest probability.
 *
 *     ECE = Σ_b (n_b / N) · |accuracy(b) − confidence(b)|
 *
 * @see Guo et al. 2017, On Calibration of Modern Neural Networks, §2. https://arxiv.org/abs/1706.04599
 */
export class CalibrationMeter {
  readonly #counts: Float64Array;
  readonly #confidence: Float64Array;
  readonly #right: Float64Array;
  #unanswered = 0;

  /** @throws {RangeError} `bins` is no whole number, 1 or more. */
  constructor({ bins = 15 }: { bins?: number } = {}) {
    if (!Number.isInteger(bins) || bins < 1) {
      throw new RangeError(`bins must be a whole number, 1 or more, got ${bins}.`);
    }
    this.#counts = new Float64Array(bins);
    this.#confidence = new Float64Array(bins);
    this.#right = new Float64Array(bins);
  }

  /**
   * @param logits `[N, C]`.
   * @param labels N class indices.
   * @throws {RangeError} Labels or logits that do not fit.
   */
  addBatch(logits: LogitsLike, labels: ArrayLike<number>): void {
    const [n] = checkLabels(logits, labels);
    const predicted = predictedClasses(logits);
    const bins = this.#counts.length;
    for (let row = 0; row < n; row++) {
      const p = rowProbabilities(logits, row)[predicted[row]!];
      if (p === undefined || Number.isNaN(p)) {
        this.#unanswered++;
        continue;
      }
      // A probability of exactly 1 belongs to the last.
      const bin = Math.min(bins - 1, Math.max(0, Math.ceil(p * bins) - 1));
      this.#counts[bin]!++;
      this.#confidence[bin]! += p;
      if (predicted[row] === labels[row]) this.#right[bin]!++;
    }
  }

  get bins(): CalibrationBin[] {
    return Array.from(this.#counts, (count, bin) => ({
      count,
      confidence: count === 0 ? 0 : this.#confidence[bin]! / count,
      accuracy: count === 0 ? 0 : this.#right[bin]! / count,
    }));
  }

  /** The expected calibration error, a fraction in [0, 1]; NaN when a row had a NaN, or nothing was added. */
  get error(): number {
    if (this.#unanswered > 0) return Number.NaN;
    const images = this.#counts.reduce((total, count) => total + count, 0);
    return this.#confidence.reduce((total, sum, bin) => total + Math.abs(this.#right[bin]! - sum), 0) / images;
  }
}
