import { checkLabels, type LogitsLike, predictedClasses } from "./accuracy.ts";

export interface ClassFigures {
  readonly index: number;
  readonly name: string;
  /** Images that have this label. */
  readonly support: number;
  /** Of these, the fraction that was predicted so; NaN when there are none. */
  readonly recall: number;
  /** Of the images predicted so, the fraction that has the label; NaN when there are none. */
  readonly precision: number;
}

export interface Confusion {
  readonly label: number;
  readonly predicted: number;
  readonly count: number;
}

/** Counts of (label, predicted class). A prediction that is no class (NaN logits) is counted as wrong, in no column. */
export class ConfusionMatrix {
  readonly classes: readonly string[];
  /** Row by label, column by prediction: `counts[label * classes.length + predicted]`. */
  readonly counts: Float64Array;
  readonly #unanswered: Float64Array;

  /** @param classes Names of the classes, or how many there are. */
  constructor(classes: number | readonly string[]) {
    const names = typeof classes === "number" ? Array.from({ length: classes }, (_, i) => String(i)) : [...classes];
    if (names.length === 0) throw new RangeError("A confusion matrix needs at least one class.");
    this.classes = names;
    this.counts = new Float64Array(names.length ** 2);
    this.#unanswered = new Float64Array(names.length);
  }

  /**
   * @param predicted A class, or -1 for none.
   * @throws {RangeError} `label` is no class, or `predicted` neither a class nor -1.
   */
  add(label: number, predicted: number): void {
    const n = this.classes.length;
    const inRange = (value: number, least: number) => Number.isInteger(value) && value >= least && value < n;
    if (!inRange(label, 0) || !inRange(predicted, -1)) {
      throw new RangeError(`(label ${label}, predicted ${predicted}) does not fit a matrix of ${n} classes.`);
    }
    if (predicted === -1) this.#unanswered[label]!++;
    else this.counts[label * n + predicted]!++;
  }

  /** Adds the largest logit of each row. @throws {RangeError} Labels or logits that do not fit. */
  addBatch(logits: LogitsLike, labels: ArrayLike<number>): void {
    const [n, classes] = checkLabels(logits, labels);
    if (classes !== this.classes.length) {
      throw new RangeError(`The logits have ${classes} classes, the matrix ${this.classes.length}.`);
    }
    const predicted = predictedClasses(logits);
    for (let row = 0; row < n; row++) this.add(labels[row]!, predicted[row]!);
  }

  at(label: number, predicted: number): number {
    return this.counts[label * this.classes.length + predicted] ?? 0;
  }

  /** Number of images. */
  get total(): number {
    return sum(this.counts) + sum(this.#unanswered);
  }

  /** Fraction on the diagonal; NaN when nothing was added. */
  get accuracy(): number {
    return sum(this.classes.map((_, c) => this.at(c, c))) / this.total;
  }

  perClass(): ClassFigures[] {
    return this.classes.map((name, index) => {
      const row = sum(this.classes.map((_, c) => this.at(index, c)));
      const column = sum(this.classes.map((_, c) => this.at(c, index)));
      const right = this.at(index, index);
      const support = row + this.#unanswered[index]!;
      return { index, name, support, recall: right / support, precision: right / column };
    });
  }

  /** The largest counts off the diagonal, largest first; equal ones in the order of the classes. */
  mostConfused(limit = 10): Confusion[] {
    const n = this.classes.length;
    return Array.from(this.counts, (count, i) => ({ label: Math.floor(i / n), predicted: i % n, count }))
      .filter(({ label, predicted, count }) => label !== predicted && count > 0)
      .sort((a, b) => b.count - a.count)
      .slice(0, limit);
  }
}

const sum = (values: Iterable<number>) => {
  let total = 0;
  for (const value of values) total += value;
  return total;
};
