import { defineSpec, findVariant, layerPlan } from "@repvgg/core";
import { describe, expect, it } from "vitest";
import { blockFigures } from "./block-figures.ts";

describe("blockFigures", () => {
  it("counts the first block with three branches, before and after", () => {
    const plan = layerPlan(findVariant("mnist-teacher").spec, [28, 28]);
    expect(blockFigures(plan, "teacher")).toEqual({
      name: "stage3.1",
      network: "teacher",
      inChannels: 64,
      outChannels: 64,
      size: [4, 4],
      before: { params: 10 * 64 * 64 + 3 * 2 * 64, macs: 10 * 64 * 64 * 16, operations: 8 },
      after: { params: 9 * 64 * 64 + 64, macs: 9 * 64 * 64 * 16, operations: 2 },
    });
  });

  it("says so when there is none", () => {
    const spec = defineSpec({ numBlocks: [1, 1, 1, 1], widthMultiplier: [1, 1, 1, 1], strides: [2, 2, 2, 2, 2] });
    expect(() => blockFigures(layerPlan(spec, [32, 32]), "student")).toThrow(
      expect.objectContaining({ code: "E_SPEC" }),
    );
  });
});
