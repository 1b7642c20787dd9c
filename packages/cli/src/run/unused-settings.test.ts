import { expect, it } from "vitest";
import { unusedSettings } from "./unused-settings.ts";

const USED = { schedule: "cosine", milestones: undefined, minLr: 0.01, optimizer: "sgd", nesterov: true } as const;

it("says nothing of what is used", () => {
  expect(unusedSettings(USED)).toEqual([]);
  expect(unusedSettings({ ...USED, schedule: "multi-step", milestones: "1,2", minLr: 0 })).toEqual([]);
});

it.each([
  [{ milestones: "1,2" }, "--milestones changes nothing: it goes with --schedule multi-step."],
  [{ schedule: "constant" }, "--min-lr changes nothing: it goes with --schedule cosine."],
  [{ optimizer: "adamw" }, "--nesterov changes nothing: it goes with --optimizer sgd."],
] as const)("says what %j leaves unused", (other, note) => {
  expect(unusedSettings({ ...USED, ...other })).toEqual([note]);
});
