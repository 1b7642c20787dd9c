import { describe, expect, it } from "vitest";
import { expectedCalibrationError } from "./calibration-error.ts";
import { CalibrationMeter } from "./calibration-meter.ts";

const row = (p: number) => [Math.log(p), Math.log(1 - p)];

describe("CalibrationMeter", () => {
  it("bins the largest probability, upper ends inside", () => {
    const meter = new CalibrationMeter({ bins: 4 });
    meter.addBatch({ shape: [4, 2], data: [...row(0.75), ...row(0.8), ...row(0.9), ...row(0.6)] }, [0, 0, 1, 0]);
    const [a, b, c, d] = meter.bins;
    expect([a!.count, b!.count, c!.count, d!.count]).toEqual([0, 0, 2, 2]); // 0.6 and 0.75, 0.8 and 0.9
    expect(a).toEqual({ count: 0, confidence: 0, accuracy: 0 });
    expect(c!.confidence).toBeCloseTo(0.675, 12);
    expect(d!.accuracy).toBe(0.5);
    expect(meter.error).toBeCloseTo(0.5 * (1 - 0.675) + 0.5 * Math.abs(0.5 - 0.85), 12);
  });

  it("gives over batches what one batch gives", () => {
    const data = Array.from({ length: 60 }, (_, i) => 3 * Math.sin(7 * i));
    const labels = Array.from({ length: 20 }, (_, i) => i % 3);
    const meter = new CalibrationMeter();
    for (const [from, to] of [
      [0, 7],
      [7, 8],
      [8, 20],
    ] as const) {
      meter.addBatch({ shape: [to - from, 3], data: data.slice(3 * from, 3 * to) }, labels.slice(from, to));
    }
    expect(meter.error).toBeCloseTo(expectedCalibrationError({ shape: [20, 3], data }, labels), 12);
    expect(meter.bins).toHaveLength(15);
  });

  it("is NaN when nothing, or NaN, was added", () => {
    expect(new CalibrationMeter().error).toBeNaN();
    const meter = new CalibrationMeter();
    meter.addBatch({ shape: [2, 2], data: [...row(0.9), Number.NaN, 0] }, [0, 0]);
    expect(meter.error).toBeNaN();
    expect(meter.bins.at(-2)!.count).toBe(1); // 0.9 of 15 bins
  });
});
