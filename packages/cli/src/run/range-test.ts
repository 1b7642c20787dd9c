/** What a step of the range test told. */
export interface RangePoint {
  readonly learningRate: number;
  readonly loss: number;
  /** Mean of the losses until here, the last ones weighing most. */
  readonly smoothed: number;
}

/** Weight of what was before, in the mean. */
const SMOOTHING = 0.9;
/** The test ends where the loss is so many times its least. */
const EXPLODED = 4;
/** The first steps say little of what is normal. */
const FIRST = 10;
/** A slope is measured over such a share of the steps, to each side. */
const SLOPE_SHARE = 0.05;

/** The learning rate of step `step` of `steps`, rising evenly on a logarithmic axis: `from · (to / from)^(step / (steps − 1))`. */
export function rangeRate(step: number, { from, to, steps }: { from: number; to: number; steps: number }): number {
  return from * (to / from) ** (step / (steps - 1));
}

/**
 * Collects the losses of an LR range test.
 *
 * @see Smith 2017, Cyclical Learning Rates for Training Neural Networks, §3.3. https://arxiv.org/abs/1506.01186
 */
export class RangeTest {
  readonly points: RangePoint[] = [];
  #mean = 0;

  add(learningRate: number, loss: number): void {
    this.#mean = SMOOTHING * this.#mean + (1 - SMOOTHING) * loss;
    const smoothed = this.#mean / (1 - SMOOTHING ** (this.points.length + 1)); // as if the mean had not begun with 0
    this.points.push({ learningRate, loss, smoothed });
  }

  /** Whether larger rates have nothing more to tell. */
  get hasExploded(): boolean {
    const last = this.points.at(-1);
    if (last === undefined || this.points.length < FIRST) return false;
    return !(last.smoothed <= EXPLODED * this.#least.smoothed);
  }

  /** The rate of the least loss: larger ones are too large. Undefined where the loss never fell. */
  get best(): number | undefined {
    return this.steepest === undefined ? undefined : this.#least.learningRate;
  }

  /** The rate below that of the least loss at which it falls fastest; undefined where it never falls. */
  get steepest(): number | undefined {
    const { points } = this;
    const reach = Math.max(1, Math.round(points.length * SLOPE_SHARE));
    // Beyond the least one a noisy loss may fall, too: from a peak that too large a rate made.
    const least = points.indexOf(this.#least);
    let found: { rate: number; slope: number } | undefined;
    for (let i = Math.max(reach, FIRST); i <= least && i + reach < points.length; i++) {
      const slope = points[i + reach]!.smoothed - points[i - reach]!.smoothed;
      if (slope < (found?.slope ?? 0)) found = { rate: points[i]!.learningRate, slope };
    }
    return found?.rate;
  }

  get #least(): RangePoint {
    return this.points.reduce((least, point) => (point.smoothed < least.smoothed ? point : least));
  }
}
