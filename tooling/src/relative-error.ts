/**
 * The largest difference over the largest magnitude of the reference; NaN anywhere gives NaN, different lengths Infinity.
 *
 *     max |a − b| / max |b|
 */
export function relativeError(actual: ArrayLike<number>, reference: ArrayLike<number>): number {
  if (actual.length !== reference.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let magnitude = 0;
  for (let i = 0; i < reference.length; i++) {
    // Math.max keeps NaN.
    difference = Math.max(difference, Math.abs(actual[i]! - reference[i]!));
    magnitude = Math.max(magnitude, Math.abs(reference[i]!));
  }
  return difference === 0 ? 0 : difference / magnitude;
}
