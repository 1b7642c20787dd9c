import { randomSpec } from "@repvgg/tooling";
import { describe, expect, it } from "vitest";
import { parseSpec } from "./parse-spec.ts";
import { VARIANTS } from "./variants.ts";

const good = { numBlocks: [1, 1, 1, 1], widthMultiplier: [1, 1, 1, 1] };

describe("parseSpec", () => {
  it("reads back what JSON wrote", () => {
    for (const spec of [...VARIANTS.map((variant) => variant.spec), ...[1, 2, 3, 4].map((seed) => randomSpec(seed))]) {
      expect(parseSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
    }
  });

  it("fills in the defaults", () => {
    expect(parseSpec(good)).toMatchObject({ strides: [2, 2, 2, 2, 2], groups: {}, numClasses: 1000 });
  });

  it.each([
    [null, "must be a JSON object"],
    [[1], "must be a JSON object"],
    ["a0", "must be a JSON object"],
    [{ numBlocks: [1, 1, 1, 1] }, "spec.widthMultiplier is missing"],
    [{ ...good, numBlocks: 4 }, "spec.numBlocks must be a list"],
    [{ ...good, numBlocks: [1, 1, 1] }, "spec.numBlocks must be four"],
    [{ ...good, numBlocks: [1, 2e9, 1, 1] }, "spec.numBlocks must be four whole numbers from 1 to 1000"],
    [{ ...good, numBlocks: ["1", 1, 1, 1] }, "spec.numBlocks must be four"],
    [{ ...good, widthMultiplier: [1, 1, 1, null] }, "spec.widthMultiplier must be four"],
    [{ ...good, strides: [3, 2, 2, 2, 2] }, "spec.strides must be five"],
    [{ ...good, squeezeExcitation: "yes" }, "spec.squeezeExcitation"],
    [{ ...good, groups: [2] }, "spec.groups must be an object"],
    [{ ...good, groups: { one: 2 } }, "spec.groups has the layer"],
    [{ ...good, groups: { 1: 0 } }, "spec.groups[1]"],
    [{ ...good, groups: { 1: 7 } }, "7 groups do not divide"],
    [{ ...good, numClasses: 0 }, "spec.numClasses"],
    [{ ...good, numClass: 10 }, "Did you mean numClasses?"],
  ])("refuses %j", (json, message) => {
    expect(() => parseSpec(json)).toThrow(
      expect.objectContaining({ code: "E_SPEC", message: expect.stringContaining(message) }),
    );
  });
});
