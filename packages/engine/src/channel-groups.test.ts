import { findVariant, type LayerPlan, layerPlan } from "@repvgg/core";
import { describe, expect, it } from "vitest";
import { kernelGroups } from "./channel-groups.ts";

const planOf = (name: string): LayerPlan => layerPlan(findVariant(name).spec, [224, 224]);

describe("kernelGroups", () => {
  it.each(["repvgg-b1g2", "repvgg-b1g4", "repvgg-b2g2", "repvgg-b3g4"])("are the network's own in %s", (name) => {
    for (const block of planOf(name).blocks) expect(kernelGroups(block), block.name).toBe(block.groups);
  });

  it("are pairs of the network's where 40 channels are not whole panels, in repvgg-b2g4", () => {
    for (const block of planOf("repvgg-b2g4").blocks) {
      const merged = block.groups > 1 && block.outChannels / block.groups === 40 ? 2 : 1;
      expect(kernelGroups(block), block.name).toBe(block.groups / merged);
    }
  });

  it("is one where no slice is whole panels", () => {
    const [block] = planOf("repvgg-a0").blocks;
    expect(kernelGroups({ ...block!, groups: 4, inChannels: 16, outChannels: 64 })).toBe(1);
  });
});
