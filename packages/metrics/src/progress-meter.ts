import type { AverageMeter } from "./average-meter.ts";

/** Lines of progress over batches, as the PyTorch ImageNet example prints them. It prints nothing itself. */
export class ProgressMeter {
  readonly numBatches: number;
  readonly meters: readonly AverageMeter[];
  readonly prefix: string;

  constructor(numBatches: number, meters: readonly AverageMeter[], prefix = "") {
    if (!Number.isInteger(numBatches) || numBatches < 0) {
      throw new RangeError(`The number of batches must be a whole number, 0 or more, got ${numBatches}.`);
    }
    this.numBatches = numBatches;
    this.meters = meters;
    this.prefix = prefix;
  }

  /** `Test: [ 10/100]\tTime  0.123 ( 0.130)\tLoss 1.2345e+00 (1.3456e+00)`. */
  line(batch: number): string {
    const total = String(this.numBatches);
    const position = `${this.prefix}[${String(batch).padStart(total.length)}/${total}]`;
    return [position, ...this.meters.map(String)].join("\t");
  }

  /**
   * ` * Acc@1 72.410 Acc@5 90.500`.
   *
   * @param meters Which averages to name. @default all
   */
  summary(meters: readonly AverageMeter[] = this.meters): string {
    return [" *", ...meters.map((meter) => meter.summary())].join(" ");
  }
}
