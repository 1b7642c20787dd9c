import type { LogitsLike } from "./accuracy.ts";
import { CalibrationMeter } from "./calibration-meter.ts";

/**
 * Expected calibration error of one set of logits: how far confidence and accuracy lie apart. See {@link CalibrationMeter}.
 *
 * @param logits `[N, C]`.
 * @param labels N class indices.
 * @returns A fraction in [0, 1]; NaN when a logit is NaN or there are no rows.
 * @throws {RangeError} Labels or logits that do not fit, or `bins` below 1.
 */
export function expectedCalibrationError(
  logits: LogitsLike,
  labels: ArrayLike<number>,
  options: { bins?: number } = {},
): number {
  const meter = new CalibrationMeter(options);
  meter.addBatch(logits, labels);
  return meter.error;
}
