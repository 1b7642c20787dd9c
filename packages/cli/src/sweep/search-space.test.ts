import { describe, expect, it } from "vitest";
import { TRAIN_SETTINGS } from "../training-options.ts";
import { gridTrials, randomTrials } from "./draw-trials.ts";
import { searchSpace } from "./search-space.ts";

const space = (grid: string[], range: string[] = []) => searchSpace({ grid, range }, TRAIN_SETTINGS);

describe("a grid", () => {
  it("has every combination, typed as the options are", async () => {
    const trials = gridTrials(await space(["lr=0.1,0.2@256", "batch-size=16,32", "nesterov=true"]));
    expect(trials).toEqual([
      { lr: 0.1, batchSize: 16, nesterov: true },
      { lr: 0.1, batchSize: 32, nesterov: true },
      { lr: "0.2@256", batchSize: 16, nesterov: true },
      { lr: "0.2@256", batchSize: 32, nesterov: true },
    ]);
  });

  it("takes names as flags and config files write them, and values with commas", async () => {
    const trials = gridTrials(await space(["--batchSize=8", "milestones=1,2; 2,3", "freeze=stem,stage1;"]));
    expect(trials).toEqual([
      { batchSize: 8, milestones: "1,2", freeze: "stem,stage1" },
      { batchSize: 8, milestones: "2,3", freeze: "stem,stage1" },
    ]);
  });

  it.each([
    ["an unknown name", ["learningrate=1", "momentun=0.9"], 'there is no setting "learningrate"'],
    ["one nearly right", ["momentun=0.9"], "Did you mean momentum?"],
    ["what objects inherit", ["constructor=1"], 'there is no setting "constructor"'],
    ["no values", ["lr"], "must name a setting and its values"],
    ["an empty value", ["lr=0.1,,0.2"], "A value of lr is empty"],
    ["a value out of range", ["lr=0.1,-1"], '--lr must be a number above 0, or with its batch, as 0.1@256, got "-1".'],
    ["an unknown choice", ["schedule=cosin"], "Did you mean cosine?"],
    ["a flag that is neither true nor false", ["nesterov=yes"], 'nesterov is true or false, got "yes"'],
    ["a value twice", ["lr=0.1,1e-1"], "has 1e-1 twice"],
    ["a setting twice", ["lr=0.1", "lr=0.2"], "lr is searched twice"],
  ])("refuses %s", async (_, grid, message) => {
    await expect(space(grid)).rejects.toMatchObject({ code: "E_USAGE", message: expect.stringContaining(message) });
  });

  it("refuses nothing, ranges, and more than 1000 combinations", async () => {
    expect(() => gridTrials([])).toThrow("Nothing is searched");
    const range = await space([], ["lr=0.1:0.2"]);
    expect(() => gridTrials(range)).toThrow("--random 10");
    const seeds = Array.from({ length: 32 }, (_, i) => i).join(",");
    const many = await space([`seed=${seeds}`, `epochs=${seeds.replace("0,", "")},32,33`]);
    expect(() => gridTrials(many)).toThrow("1056 combinations");
  });
});

describe("a random search", () => {
  it("draws within each range, evenly in the logarithm where told, and from each list", async () => {
    const axes = await space(["optimizer=sgd,adamw"], ["lr=0.0001:1:log", "momentum=0.5:0.9", "batch-size=8:11"]);
    const trials = randomTrials(axes, 1000, 3);
    const share = (test: (trial: (typeof trials)[number]) => boolean) => trials.filter(test).length / trials.length;
    for (const { lr, momentum, batchSize } of trials) {
      expect(lr).toBeGreaterThanOrEqual(0.0001);
      expect(lr).toBeLessThanOrEqual(1);
      expect(momentum).toBeGreaterThanOrEqual(0.5);
      expect(momentum).toBeLessThanOrEqual(0.9);
      expect([8, 9, 10, 11]).toContain(batchSize);
    }
    // Standard deviations of a share of 1000: 0.016 at a half, 0.014 at a quarter; four of them.
    expect(Math.abs(share(({ lr }) => Number(lr) < 0.01) - 0.5)).toBeLessThan(0.064);
    expect(Math.abs(share(({ momentum }) => Number(momentum) < 0.7) - 0.5)).toBeLessThan(0.064);
    expect(Math.abs(share(({ optimizer }) => optimizer === "sgd") - 0.5)).toBeLessThan(0.064);
    for (const size of [8, 11]) {
      expect(Math.abs(share(({ batchSize }) => batchSize === size) - 0.25)).toBeLessThan(0.056);
    }
  });

  it("is the same for a seed, and never has a trial twice", async () => {
    const axes = await space(["optimizer=sgd,adamw"], ["epochs=1:3"]);
    const trials = randomTrials(axes, 6, 1);
    expect(new Set(trials.map((trial) => JSON.stringify(trial))).size).toBe(6);
    expect(randomTrials(axes, 6, 1)).toEqual(trials);
    expect(randomTrials(axes, 6, 2)).not.toEqual(trials);
    expect(() => randomTrials(axes, 7, 1)).toThrow("--random 7 is more than the 6 combinations");
    expect(() => randomTrials([], 1, 1)).toThrow("--random has nothing to draw from");
  });

  it.each([
    ["a choice", "schedule=cosine:step", "schedule is no number"],
    ["one number", "lr=0.1", "must be two numbers"],
    ["another scale", "lr=0.1:0.2:exp", "must be two numbers"],
    ["ends the wrong way round", "lr=0.2:0.1", "0.2 must be less than 0.1"],
    ["a logarithm of 0", "weight-decay=0:0.1:log", "a logarithm needs a first number above 0"],
    ["an end out of range", "momentum=0.5:1", "--momentum must be a number in [0, 1)"],
    ["a rate for a batch", "lr=0.1@256:0.2", "must be from a number to another"],
  ])("refuses a range of %s", async (_, range, message) => {
    const refused = expect(space([], [range])).rejects;
    await refused.toMatchObject({ code: "E_USAGE", message: expect.stringContaining(message) });
  });
});
