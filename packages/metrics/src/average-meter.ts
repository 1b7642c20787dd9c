import { type NumberFormat, pythonFormat } from "./python-format.ts";

/** The last value and the running average of one quantity, as the PyTorch ImageNet example keeps them. */
export class AverageMeter {
  readonly name: string;
  readonly format: NumberFormat;
  /** The last value. */
  val = 0;
  /** Sum of the values, each counted `n` times. */
  sum = 0;
  count = 0;

  /**
   * @param name What is printed before the numbers: `Time`, `Loss`, `Acc@1`.
   * @param format A Python number format. @default ":f" of the example, written ":.6f"
   */
  constructor(name: string, format: NumberFormat = ":.6f") {
    pythonFormat(0, format); // A wrong format should fail here, not an epoch later.
    this.name = name;
    this.format = format;
  }

  /** Average over everything since the last {@link reset}; 0 before the first value. */
  get avg(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  /** @param n How many items `value` is the average of. */
  update(value: number, n = 1): void {
    if (!Number.isFinite(n) || n < 0) throw new RangeError(`A meter's count must be 0 or more, got ${n}.`);
    this.val = value;
    this.sum += value * n;
    this.count += n;
  }

  reset(): void {
    this.val = 0;
    this.sum = 0;
    this.count = 0;
  }

  /** `Time  0.123 ( 0.130)`: the last value, and the average in brackets. */
  toString(): string {
    return `${this.name} ${pythonFormat(this.val, this.format)} (${pythonFormat(this.avg, this.format)})`;
  }

  /** `Acc@1 72.410`: the average alone, to three digits. */
  summary(): string {
    return `${this.name} ${pythonFormat(this.avg, ":.3f")}`;
  }
}
