/** Logits `[N, C]` in row-major order: `@repvgg/core`'s `Logits`, or anything of the same form. */
export interface LogitsLike {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/**
 * How many rows have their label among the `k` largest logits, for each `k`.
 *
 * Of equal logits the class with the lower index comes first (`torch.topk` leaves that open), so a network that answers the
 * same for every class is not called right. A `k` above the number of classes counts as that number. A row with a NaN is wrong
 * for every `k`.
 *
 * @param logits `[N, C]`.
 * @param labels N class indices.
 * @param ks Each a whole number, 1 or more.
 * @returns One count for each of `ks`, in the same order.
 * @throws {RangeError} Labels of another number than N, or outside [0, C); a `k` below 1.
 */
export function topKCorrect(logits: LogitsLike, labels: ArrayLike<number>, ks: readonly number[] = [1, 5]): number[] {
  const [n, classes] = checkLabels(logits, labels);
  for (const k of ks) {
    if (!Number.isInteger(k) || k < 1) throw new RangeError(`k must be a whole number, 1 or more, got ${k}.`);
  }
  const counts = ks.map(() => 0);
  for (let row = 0; row < n; row++) {
    const rank = rankOf(logits.data, row * classes, classes, labels[row]!);
    ks.forEach((k, i) => {
      if (rank < Math.min(k, classes)) counts[i]!++;
    });
  }
  return counts;
}

/**
 * Top-k accuracies, as fractions in [0, 1]; see {@link topKCorrect} for ties, NaN and few classes.
 *
 * @throws {RangeError} As {@link topKCorrect}, and when there are no rows.
 */
export function accuracy(logits: LogitsLike, labels: ArrayLike<number>, ks: readonly number[] = [1, 5]): number[] {
  const counts = topKCorrect(logits, labels, ks);
  if (labels.length === 0)
    throw new RangeError("The accuracy over no rows at all is not defined; give at least one row.");
  return counts.map((count) => count / labels.length);
}

/** Index of the largest of each row's logits, the lowest one of equals; -1 where a row has a NaN. */
export function predictedClasses(logits: LogitsLike): Int32Array {
  const [n, classes] = checkShape(logits);
  return Int32Array.from({ length: n }, (_, row) => {
    let best = 0;
    for (let c = 0; c < classes; c++) {
      const value = logits.data[row * classes + c]!;
      if (Number.isNaN(value)) return -1;
      if (value > logits.data[row * classes + best]!) best = c;
    }
    return best;
  });
}

/** Place of the label in the row's order, 0 being the largest; infinite when the row has a NaN. */
function rankOf(data: ArrayLike<number>, start: number, classes: number, label: number): number {
  const own = data[start + label]!;
  let rank = 0;
  for (let c = 0; c < classes; c++) {
    const other = data[start + c]!;
    if (Number.isNaN(other)) return Number.POSITIVE_INFINITY;
    if (other > own || (other === own && c < label)) rank++;
  }
  return rank;
}

function checkShape({ shape, data }: LogitsLike): [n: number, classes: number] {
  const [n, classes] = shape;
  if (shape.length !== 2 || n === undefined || classes === undefined || classes < 1 || n * classes !== data.length) {
    throw new RangeError(
      `Logits must have shape [N, C] and as many elements, got [${shape.join(", ")}] and ${data.length}.`,
    );
  }
  return [n, classes];
}

/** @throws {RangeError} The shapes do not fit, or a label is not a class. */
export function checkLabels(logits: LogitsLike, labels: ArrayLike<number>): [n: number, classes: number] {
  const [n, classes] = checkShape(logits);
  if (labels.length !== n) throw new RangeError(`There are ${labels.length} labels for ${n} rows of logits.`);
  for (let row = 0; row < n; row++) {
    const label = labels[row]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new RangeError(
        `Label ${label} of row ${row} is none of the ${classes} classes; do the network and the data set have the same classes?`,
      );
    }
  }
  return [n, classes];
}
