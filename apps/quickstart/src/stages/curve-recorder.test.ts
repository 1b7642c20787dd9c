import type { StepReport } from "@repvgg/distill";
import { describe, expect, it } from "vitest";
import { CurveRecorder } from "./curve-recorder.ts";

/** Reports of 2 epochs of 3 batches of 10 images, with so many wrong in each. */
function reports(wrong: readonly number[]): StepReport[] {
  return wrong.map((_, i) => {
    const batch = (i % 3) + 1;
    const epoch = Math.floor(i / 3) + 1;
    const wrongInEpoch = wrong.slice(3 * (epoch - 1), i + 1).reduce((a, b) => a + b, 0);
    return {
      ...{
        step: i + 1,
        totalSteps: wrong.length,
        epoch,
        epochs: 2,
        batch,
        batchesPerEpoch: 3,
        loss: i,
        learningRate: 0.1,
      },
      ...{ averageLoss: 0, top1: 1 - wrongInEpoch / (10 * batch), imagesPerSecond: 1, etaSeconds: 1, skipped: 0 },
    };
  });
}

describe("CurveRecorder", () => {
  const wrong = [9, 7, 5, 4, 2, 1];

  it("gives the mean loss and error of each window, across epochs", () => {
    const recorder = new CurveRecorder(10, 3);
    for (const report of reports(wrong)) recorder.add(report);
    expect(recorder.state.points).toEqual([
      { step: 2, loss: 0.5, trainError: 0.8 },
      { step: 4, loss: 2.5, trainError: 0.45 },
      { step: 6, loss: 4.5, trainError: 0.15 },
    ]);
  });

  it("gives the same curve when it is interrupted at any step", () => {
    const whole = new CurveRecorder(10, 2);
    for (const report of reports(wrong)) whole.add(report);
    for (let stop = 0; stop <= wrong.length; stop++) {
      const first = new CurveRecorder(10, 2);
      for (const report of reports(wrong).slice(0, stop)) first.add(report);
      const second = new CurveRecorder(10, 2, JSON.parse(JSON.stringify(first.state)));
      for (const report of reports(wrong).slice(stop)) second.add(report);
      expect(second.state).toEqual(whole.state);
    }
  });

  it("has a point at the end even when the last window is not full", () => {
    const recorder = new CurveRecorder(10, 1.5); // windows of 4 steps
    for (const report of reports(wrong)) recorder.add(report);
    expect(recorder.state.points.map(({ step }) => step)).toEqual([4, 6]);
  });
});
