import { describe, expect, it } from "vitest";
import { constantSchedule, cosineSchedule, type Schedule, stepSchedule, withWarmup } from "./schedules.ts";
import { difference, lossFixture } from "./test-fixture.ts";

const { schedules } = lossFixture();
const length = { totalSteps: 12, stepsPerEpoch: 2 };
const factors = (schedule: Schedule) => Array.from({ length: length.totalSteps }, (_, step) => schedule(step, length));

describe("schedules", () => {
  it.each([
    ["cosine", cosineSchedule()],
    ["cosineToTenth", cosineSchedule({ minFactor: 0.1 })],
    ["step", stepSchedule({ epochs: 2, gamma: 0.5 })],
    ["warmup", withWarmup(cosineSchedule(), { epochs: 2 })],
  ] as const)("%s is PyTorch's at each step", (name, schedule) => {
    // PyTorch multiplies from step to step, we compute each anew: float64 rounding.
    expect(difference(factors(schedule), schedules[name])).toBeLessThan(1e-12);
  });

  it("constant is 1, and no warm-up changes nothing", () => {
    expect(factors(constantSchedule())).toEqual(Array(12).fill(1));
    expect(factors(withWarmup(cosineSchedule(), { epochs: 0 }))).toEqual(factors(cosineSchedule()));
  });

  it("refuse a warm-up that is as long as the training", () => {
    expect(() => withWarmup(constantSchedule(), { epochs: 6 })(0, length)).toThrow(
      expect.objectContaining({
        code: "E_USAGE",
        message: "A warm-up of 6 epochs leaves nothing of a training of 6. Make it shorter.",
      }),
    );
  });

  it("refuse options out of range", () => {
    expect(() => cosineSchedule({ minFactor: 2 })).toThrow("minFactor must be in [0, 1], got 2.");
    expect(() => stepSchedule({ epochs: 0 })).toThrow("epochs must be positive, got 0.");
    expect(() => stepSchedule({ gamma: 0 })).toThrow("gamma must be in (0, 1], got 0.");
    expect(() => withWarmup(constantSchedule(), { epochs: -1 })).toThrow("epochs must be 0 or more, got -1.");
  });
});
