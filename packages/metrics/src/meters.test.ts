import { describe, expect, it } from "vitest";
import { AverageMeter } from "./average-meter.ts";
import { ProgressMeter } from "./progress-meter.ts";

describe("AverageMeter", () => {
  it("weights each value by its count", () => {
    const meter = new AverageMeter("Loss", ":.4e");
    meter.update(1, 3);
    meter.update(5, 1);
    expect(meter).toMatchObject({ val: 5, sum: 8, count: 4, avg: 2 });
    expect(`${meter}`).toBe("Loss 5.0000e+00 (2.0000e+00)");
    meter.reset();
    expect(meter).toMatchObject({ val: 0, sum: 0, count: 0, avg: 0 });
  });

  it("refuses a wrong format and a wrong count at once", () => {
    expect(() => new AverageMeter("Time", ":x" as ":.1f")).toThrow(RangeError);
    expect(() => new AverageMeter("Time").update(1, Number.NaN)).toThrow(/got NaN/);
  });
});

describe("ProgressMeter", () => {
  const meter = (name: string, format: ":6.3f" | ":.4e" | ":6.2f", first: number, second: number) => {
    const m = new AverageMeter(name, format);
    m.update(first);
    m.update(second);
    return m;
  };
  const meters = [
    meter("Time", ":6.3f", 0.137, 0.123),
    meter("Loss", ":.4e", 1.4567, 1.2345),
    meter("Acc@1", ":6.2f", 67.59, 72.41),
    meter("Acc@5", ":6.2f", 100, 81),
  ];

  it("prints the example's line, the index as wide as the total", () => {
    const progress = new ProgressMeter(100, meters, "Test: ");
    expect(progress.line(10)).toBe(
      "Test: [ 10/100]\tTime  0.123 ( 0.130)\tLoss 1.2345e+00 (1.3456e+00)\tAcc@1  72.41 ( 70.00)\tAcc@5  81.00 ( 90.50)",
    );
    expect(new ProgressMeter(9, [], "Test: ").line(0)).toBe("Test: [0/9]");
  });

  it("sums up the chosen averages", () => {
    expect(new ProgressMeter(100, meters).summary(meters.slice(2))).toBe(" * Acc@1 70.000 Acc@5 90.500");
  });
});
