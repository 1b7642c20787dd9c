import type { LossTerm } from "@repvgg/distill";
import { describe, expect, it } from "vitest";
import { lossTerms } from "./loss-terms.ts";
import type { Settings } from "./settings.ts";

const terms = (settings: Partial<Settings>) => lossTerms(settings as Settings);

/** Weights and temperatures at the first and the last step. */
function ends(all: readonly LossTerm[]) {
  const at = (value: unknown, step: number) =>
    typeof value === "function" ? value({ epoch: 0, step, totalSteps: 11, stepsPerEpoch: 11 }) : value;
  return all.map((term) => [
    term.loss,
    ...[0, 10].map((step) => [at(term.weight, step), at("temperature" in term ? term.temperature : undefined, step)]),
  ]);
}

describe("--loss", () => {
  it("is Hinton's by default: alpha for the teacher, the rest for the labels", () => {
    expect(terms({})).toEqual([
      { loss: "labels", weight: 0.1 },
      { loss: "kd", weight: 0.9 },
    ]);
    expect(terms({ loss: "kd", alpha: 0.75, temperature: 6 })).toEqual([
      { loss: "labels", weight: 0.25 },
      { loss: "kd", weight: 0.75, temperature: 6 },
    ]);
  });

  it("has no labels with an alpha of 1", () => {
    expect(terms({ alpha: 1, temperature: 20 })).toEqual([{ loss: "kd", weight: 1, temperature: 20 }]);
  });

  it("takes several terms with weights", () => {
    expect(terms({ loss: "kd:0.9, features:50", featureStages: "2,3" })).toEqual([
      { loss: "labels", weight: 0.1 },
      { loss: "kd", weight: 0.9 },
      { loss: "features", weight: 50, stages: [2, 3] },
    ]);
    expect(terms({ loss: "kd:0.5,hard:0.25" })).toMatchObject([{ loss: "labels", weight: 0.25 }, {}, {}]);
    expect(terms({ loss: "labels:0,kd:3" })).toMatchObject([
      { loss: "labels", weight: 0 },
      { loss: "kd", weight: 3 },
    ]);
  });

  it("leaves the labels whole beside losses whose papers do", () => {
    expect(terms({ loss: "dkd", dkdBeta: 2 })).toEqual([
      { loss: "labels", weight: 1 },
      { loss: "dkd", weight: 1, dkdAlpha: 1, dkdBeta: 2 },
    ]);
    expect(terms({ loss: "dist:2" })).toMatchObject([
      { loss: "labels", weight: 1 },
      { loss: "dist", weight: 2 },
    ]);
  });

  it("moves T and alpha evenly to their ends", () => {
    expect(ends(terms({ temperature: 8, temperatureEnd: 2, alpha: 1, alphaEnd: 0.5 }))).toEqual([
      ["labels", [0, undefined], [0.5, undefined]],
      ["kd", [1, 8], [0.5, 2]],
    ]);
  });

  it.each<[Partial<Settings>, RegExp]>([
    [{ loss: "kdd" }, /there is no loss "kdd"\. Did you mean kd\?/],
    [{ loss: "" }, /there is no loss ""/],
    [{ loss: "kd:x" }, /weight of "kd" must be 0 or a positive number, as in kd:0\.9, got "kd:x"/],
    [{ loss: "kd:-1" }, /got "kd:-1"/],
    [{ loss: "kd:" }, /got "kd:"/],
    [{ loss: "kd:1:2" }, /got "kd:1:2"/],
    [{ loss: "kd,kd" }, /"kd" twice/],
    [{ loss: "kd:2" }, /leave -1 to the labels. Say how much they have: labels:0\.1,kd:2/],
    [{ loss: "features", featureStages: "2,5" }, /must be some of 1,2,3,4, got "2,5"/],
    [{ temperatureEnd: 2 }, /give --temperature too/],
  ])("refuses %j", (settings, message) => {
    expect(() => terms(settings)).toThrow(
      expect.objectContaining({ code: "E_USAGE", message: expect.stringMatching(message) }),
    );
  });
});
