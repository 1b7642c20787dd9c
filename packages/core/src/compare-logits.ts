import { ShapeError } from "./errors.ts";
import { sameShape } from "./nd-array.ts";

/** Logits `[N, C]` of any precision, row-major. */
export interface LogitsOf {
  readonly shape: readonly [N: number, C: number];
  readonly data: Float32Array | Float64Array;
}

/** How far two networks' answers to the same images are apart. */
export interface LogitsComparison {
  readonly maxAbsoluteError: number;
  /** The largest difference over the largest magnitude of a reference logit. */
  readonly maxRelativeError: number;
  /** Fraction of the images whose largest logit is of the same class. */
  readonly agreement: number;
}

/**
 * Compares two networks' logits: what `repvgg fuse` and `repvgg verify` prove with.
 *
 *     max |a − b|        max |a − b| / max |b|        mean [argmax a = argmax b]
 *
 * A NaN on either side makes the errors NaN, so `error <= tolerance` is then false.
 *
 * @param logits `[N, C]`.
 * @param reference `[N, C]`.
 * @throws {ShapeError} The shapes differ, or there is no image.
 */
export function compareLogits(logits: LogitsOf, reference: LogitsOf): LogitsComparison {
  const [images, classes] = reference.shape;
  if (!sameShape(logits.shape, reference.shape)) {
    throw new ShapeError("logits", `[${reference.shape.join(", ")}], as the reference`, logits.shape);
  }
  if (images === 0) throw new ShapeError("logits", "[N, C] with at least one image", logits.shape);
  let difference = 0;
  let magnitude = 0;
  let agreeing = 0;
  for (const [i, value] of reference.data.entries()) {
    // Math.max keeps NaN.
    difference = Math.max(difference, Math.abs(logits.data[i]! - value));
    magnitude = Math.max(magnitude, Math.abs(value));
  }
  for (let n = 0; n < images; n++) {
    if (largest(logits.data, n, classes) === largest(reference.data, n, classes)) agreeing++;
  }
  return {
    maxAbsoluteError: difference,
    maxRelativeError: difference === 0 ? 0 : difference / magnitude,
    agreement: agreeing / images,
  };
}

/** Class of the largest logit of row `n`; the first of equal ones. */
function largest(data: LogitsOf["data"], n: number, classes: number): number {
  let best = 0;
  for (let c = 1; c < classes; c++) {
    if (data[n * classes + c]! > data[n * classes + best]!) best = c;
  }
  return best;
}
