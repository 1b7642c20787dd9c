import type { StepReport } from "@repvgg/distill";
import type { CurvePoint } from "../result.ts";

/** Where a recorder stands: plain JSON, kept with an interrupted training. */
export interface CurveState {
  readonly points: readonly CurvePoint[];
  readonly window: { readonly steps: number; readonly loss: number; readonly wrong: number };
  /** Wrong answers of the running epoch so far. */
  readonly wrongInEpoch: number;
}

const EMPTY_WINDOW = { steps: 0, loss: 0, wrong: 0 } as const;

/** Turns the reports of single steps into a curve of about `points` points, each the mean of a window of steps. */
export class CurveRecorder {
  readonly #batchSize: number;
  readonly #pointCount: number;
  #points: CurvePoint[];
  #window: CurveState["window"];
  #wrongInEpoch: number;

  constructor(batchSize: number, points: number, state?: CurveState) {
    this.#batchSize = batchSize;
    this.#pointCount = points;
    this.#points = [...(state?.points ?? [])];
    this.#window = state?.window ?? EMPTY_WINDOW;
    this.#wrongInEpoch = state?.wrongInEpoch ?? 0;
  }

  /** @param report Of the step that follows the last one added. */
  add({ step, totalSteps, batch, loss, top1 }: StepReport): void {
    // The report has the epoch's mean so far; this step's share of it is what was added since the last one.
    const wrongInEpoch = Math.round((1 - top1) * batch * this.#batchSize);
    const wrong = wrongInEpoch - (batch === 1 ? 0 : this.#wrongInEpoch);
    this.#wrongInEpoch = wrongInEpoch;
    const window = {
      steps: this.#window.steps + 1,
      loss: this.#window.loss + loss,
      wrong: this.#window.wrong + wrong,
    };
    const length = Math.max(1, Math.round(totalSteps / this.#pointCount));
    if (window.steps < length && step < totalSteps) {
      this.#window = window;
      return;
    }
    this.#points.push({
      step,
      loss: window.loss / window.steps,
      trainError: window.wrong / (window.steps * this.#batchSize),
    });
    this.#window = EMPTY_WINDOW;
  }

  get state(): CurveState {
    return { points: [...this.#points], window: this.#window, wrongInEpoch: this.#wrongInEpoch };
  }
}
