import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { labelledClasses, mapClasses } from "../class-map.ts";
import { openDataset } from "./open-dataset.ts";
import { readClassIndex } from "./read-class-index.ts";
import { temporaryFolder, writeTinyImagenet, writeTree } from "./test-trees.ts";

let root: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder: root, remove } = await temporaryFolder());
});
afterEach(() => remove());

describe("readClassIndex", () => {
  it("maps Tiny-ImageNet, sorted by WordNet id, to ImageNet's outputs, and wnids.txt to its own order", async () => {
    await writeTinyImagenet(join(root, "tiny"));
    const tiny = await openDataset(join(root, "tiny"));
    await writeTree(root, {
      "LOC_synset_mapping.txt":
        "n01440764 tench, Tinca tinca\nn01443537 a\nn01443540 not in Tiny\nn01443544 b\nn01443551 c\n",
    });
    const imagenet = await readClassIndex(join(root, "LOC_synset_mapping.txt"));
    expect(mapClasses(labelledClasses({ classIds: imagenet.ids })!, tiny)).toMatchObject({
      outputs: Int32Array.of(1, 3, 4),
    });
    // wnids.txt is not sorted: whoever numbered classes by it has other outputs than torchvision's ImageFolder gives.
    const wnids = await readClassIndex(join(root, "tiny", "wnids.txt"));
    expect(mapClasses(labelledClasses({ classIds: wnids.ids })!, tiny)).toMatchObject({
      outputs: Int32Array.of(2, 1, 0),
      isIdentity: false,
    });
    const folder = await readClassIndex(join(root, "tiny"));
    expect(mapClasses(labelledClasses({ classIds: folder.ids })!, tiny)).toMatchObject({ isIdentity: true });
  });

  it("takes class folders, and says what is wrong", async () => {
    for (const name of ["b", "a", ".git"]) await mkdir(join(root, "classes", name), { recursive: true });
    expect(await readClassIndex(join(root, "classes"))).toEqual({ ids: ["a", "b"] });
    await expect(readClassIndex(join(root, "classes", "a"))).rejects.toThrow("has no class folders in it");
    await expect(readClassIndex(join(root, "none.json"))).rejects.toThrow("there is nothing of this name");
  });
});
