import { describe, expect, it } from "vitest";
import { layerPlan } from "./layer-plan.ts";
import { findVariant, VARIANTS, variantOf } from "./variants.ts";

describe("VARIANTS", () => {
  it("have different names, and a plan at their image size", () => {
    expect(new Set(VARIANTS.map(({ name }) => name)).size).toBe(VARIANTS.length);
    for (const { spec, imageSize } of VARIANTS) {
      const { blocks } = layerPlan(spec, [imageSize, imageSize]);
      expect(blocks.length).toBe(1 + spec.numBlocks.reduce((a, b) => a + b));
    }
  });

  it("give the source of every accuracy", () => {
    for (const { top1, source } of VARIANTS) {
      expect(source !== undefined).toBe(top1 !== undefined);
      if (top1 !== undefined) expect(Math.abs(top1 - 0.8)).toBeLessThan(0.1);
    }
  });

  it.each([
    ["b1g2", 2],
    ["b3g4", 4],
  ])("%s groups every second layer from 2 to 26 by %i", (name, groups) => {
    const { blocks } = layerPlan(findVariant(name).spec, [224, 224]);
    expect(blocks.filter((block) => block.groups === groups).map(({ index }) => index)).toEqual([
      2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26,
    ]);
  });
});

describe("variantOf", () => {
  it("is the inverse of a variant's spec, whatever its classes and channels are", () => {
    for (const variant of VARIANTS) {
      expect(variantOf(variant.spec)).toBe(variant);
      expect(variantOf({ ...variant.spec, numClasses: 7, inputChannels: 1 })).toBe(variant);
    }
  });

  it("is undefined for a network without a name", () => {
    const { spec } = findVariant("a0");
    expect(variantOf({ ...spec, strides: [1, 1, 1, 2, 2] })).toBeUndefined();
    expect(variantOf({ ...spec, groups: { 2: 2 } })).toBeUndefined();
  });
});

describe("findVariant", () => {
  it.each(["repvggplus-l2pse", "RepVGGplus-L2pse", "l2pse"])("finds RepVGGplus as %s", (name) => {
    expect(findVariant(name).name).toBe("repvggplus-l2pse");
  });

  it.each(["repvgg-a0", "a0", "A0", "RepVGG-A0", "repvgg_a0"])("finds A0 as %s", (name) => {
    expect(findVariant(name).name).toBe("repvgg-a0");
  });

  it("tells the nearest name of an unknown one", () => {
    expect(() => findVariant("repvgg-b1g3")).toThrow(
      expect.objectContaining({ code: "E_USAGE", message: expect.stringContaining("Did you mean repvgg-b1g2?") }),
    );
    expect(() => findVariant("mnist_studnet")).toThrow(/Did you mean mnist-student\?/);
  });
});
