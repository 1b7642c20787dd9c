import { describe, expect, it } from "vitest";
import { layerPlan } from "./layer-plan.ts";
import { ndArray, sameShape, sizeOf, zeros } from "./nd-array.ts";
import { defineSpec } from "./spec.ts";
import { stateLayout } from "./state-layout.ts";
import { findVariant } from "./variants.ts";

const tiny = defineSpec({ numBlocks: [1, 2, 1, 1], widthMultiplier: [0.25, 0.25, 0.25, 0.25], numClasses: 10 });

describe("layerPlan", () => {
  it("gives A0 at 224 as the paper's table 2 and 3 do", () => {
    const { blocks, classifier } = layerPlan(findVariant("a0").spec, [224, 224]);
    const first = blocks.filter(({ name }) => name === "stage0" || name.endsWith(".0"));
    expect(first.map(({ outChannels, outputSize }) => [outChannels, ...outputSize])).toEqual([
      [48, 112, 112],
      [48, 56, 56],
      [96, 28, 28],
      [192, 14, 14],
      [1280, 7, 7],
    ]);
    expect(blocks).toHaveLength(22);
    expect(classifier).toEqual({ inFeatures: 1280, outFeatures: 1000 });
  });

  it("caps the stem at 64 channels", () => {
    expect(layerPlan(findVariant("b3").spec, [32, 32]).blocks[0]).toMatchObject({ inChannels: 3, outChannels: 64 });
  });

  it("halves odd sizes upwards, as a convolution with padding 1 does", () => {
    const { blocks } = layerPlan(tiny, [29, 1]);
    expect(blocks.map(({ outputSize }) => outputSize)).toEqual([
      [15, 1],
      [8, 1],
      [4, 1],
      [4, 1],
      [2, 1],
      [1, 1],
    ]);
  });

  it("has an identity only where stride and channels keep the shape", () => {
    const { blocks } = layerPlan({ ...tiny, strides: [1, 1, 2, 2, 2] }, [8, 8]);
    expect(blocks.filter(({ identity }) => identity).map(({ name }) => name)).toEqual(["stage1.0", "stage2.1"]);
  });

  it("squeezes by 16 before and by 4 after the ReLU", () => {
    const squeezes = (["none", "before-relu", "after-relu"] as const).map((squeezeExcitation) =>
      layerPlan({ ...tiny, squeezeExcitation }, [8, 8]).blocks.map(({ squeezeChannels }) => squeezeChannels),
    );
    expect(squeezes).toEqual([
      [0, 0, 0, 0, 0, 0],
      [1, 1, 2, 2, 4, 8],
      [4, 4, 8, 8, 16, 32],
    ]);
  });

  it.each([[[0, 8]], [[8.5, 8]], [[8]]])("refuses the image size %j", (size) => {
    expect(() => layerPlan(tiny, size as unknown as [number, number])).toThrow(
      expect.objectContaining({ code: "E_SPEC" }),
    );
  });

  it("refuses groups that do not divide the channels", () => {
    expect(() => layerPlan({ ...tiny, groups: { 2: 3 } }, [8, 8])).toThrow(/Layer 2 \(stage2\.0\).*3 groups/);
  });
});

describe("the auxiliary classifiers", () => {
  const spec = defineSpec({ ...tiny, numBlocks: [1, 2, 4, 1], auxiliaryHeads: true });
  const { blocks, auxiliary } = layerPlan(spec, [64, 48]);

  it("stand after stages 1 and 2 and the first half of stage 3", () => {
    expect(auxiliary.map(({ name, after }) => [name, blocks[after]!.name])).toEqual([
      ["stage1_aux", "stage1.blocks.0"],
      ["stage2_aux", "stage2.blocks.1"],
      ["stage3_first_aux", "stage3_first.blocks.1"],
    ]);
    for (const { after, channels, inputSize, outputSize } of auxiliary) {
      expect([channels, inputSize]).toEqual([blocks[after]!.outChannels, blocks[after]!.outputSize]);
      expect(outputSize).toEqual(inputSize.map((size) => Math.ceil(size / 2)));
    }
  });

  it("are none by default", () => expect(layerPlan(tiny, [64, 48]).auxiliary).toEqual([]));
});

describe("defineSpec", () => {
  it("fills in the defaults", () => {
    expect(tiny).toMatchObject({ strides: [2, 2, 2, 2, 2], groups: {}, squeezeExcitation: "none", inputChannels: 3 });
  });

  it("names the field that is out of range", () => {
    expect(() => defineSpec({ ...tiny, numBlocks: [0, 1, 1, 1] })).toThrow(/spec\.numBlocks/);
    expect(() => defineSpec({ ...tiny, widthMultiplier: [0.001, 1, 1, 1] })).toThrow(/spec\.widthMultiplier/);
    expect(() => defineSpec({ ...tiny, numClasses: 1.5 })).toThrow(/spec\.numClasses/);
    const odd = { ...tiny, numBlocks: [1, 1, 3, 1], auxiliaryHeads: true } as const;
    expect(() => defineSpec(odd)).toThrow(/spec\.numBlocks\[2\] must be even/);
  });
});

describe("stateLayout", () => {
  it("decays kernels, the matrix and the identity's gamma, nothing else", () => {
    const roles = new Set(
      stateLayout(layerPlan(tiny, [8, 8]), "train")
        .filter(({ decay }) => decay)
        .map(({ name, role }) => (role === "gamma" ? name : role)),
    );
    expect([...roles]).toEqual(["kernel", "stage2.1.rbr_identity.weight", "matrix"]);
  });

  it("names the squeeze as the original does, by its place", () => {
    const names = (squeezeExcitation: "before-relu" | "after-relu") =>
      stateLayout(layerPlan({ ...tiny, squeezeExcitation }, [8, 8]), "deploy").map(({ name }) => name);
    expect(names("before-relu")).toContain("stage0.se.down.weight");
    expect(names("after-relu")).toContain("stage0.post_se.up.bias");
  });
});

describe("ndArray", () => {
  it("keeps its data and refuses another number of elements", () => {
    const data = new Float32Array(6);
    expect(ndArray([2, 3], data).data).toBe(data);
    expect(() => ndArray([2, 2], data)).toThrow(expect.objectContaining({ code: "E_SHAPE" }));
  });

  it("counts a scalar as one element", () => {
    expect([sizeOf([]), sizeOf([2, 0]), zeros([]).data.length]).toEqual([1, 0, 1]);
    expect([sameShape([1, 2], [1, 2]), sameShape([1], [1, 1])]).toEqual([true, false]);
  });
});
