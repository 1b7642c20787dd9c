import { checkLabels, type LogitsLike } from "./accuracy.ts";

/**
 * Expected calibration error: how far confidence and accuracy lie apart.
 *
 *     ECE = Σ_b (n_b / N) · |accuracy(b) − confidence(b)|        b: equal bins of the largest probability
 *
 * @param logits `[N, C]`.
 * @param labels N class indices.
 * @returns A fraction in [0, 1]; NaN when a logit is NaN or there are no rows.
 * @throws {RangeError} Labels or logits that do not fit, or `bins` below 1.
 * @see Guo et al. 2017, On Calibration of Modern Neural Networks, §2. https://arxiv.org/abs/1706.04599
 */
export function expectedCalibrationError(
  logits: LogitsLike,
  labels: ArrayLike<number>,
  { bins = 15 }: { bins?: number } = {},
): number {
  const [n, classes] = checkLabels(logits, labels);
  if (!Number.isInteger(bins) || bins < 1) throw new RangeError(`bins must be a whole number, 1 or more, got ${bins}.`);
  const confidence = new Float64Array(bins);
  const right = new Float64Array(bins);
  for (let row = 0; row < n; row++) {
    const z = Array.from({ length: classes }, (_, c) => logits.data[row * classes + c]!);
    const largest = Math.max(...z);
    if (Number.isNaN(largest)) return Number.NaN;
    const p = 1 / z.reduce((total, value) => total + Math.exp(value - largest), 0);
    // Bins are (a, b]: a probability of exactly 1 belongs to the last.
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(p * bins) - 1));
    confidence[bin]! += p;
    if (z.indexOf(largest) === labels[row]) right[bin]!++;
  }
  return confidence.reduce((total, c, bin) => total + Math.abs(right[bin]! - c), 0) / n;
}
