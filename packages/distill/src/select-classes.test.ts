import { defineSpec, findVariant, type Network, ndArray } from "@repvgg/core";
import { describe, expect, it } from "vitest";
import { selectClasses } from "./select-classes.ts";

const spec = defineSpec({ ...findVariant("a0").spec, numClasses: 4 });
/** Output c of image n is 10 n + c. */
const network: Pick<Network, "spec" | "predict"> = {
  spec,
  predict: async ({ shape: [N] }) =>
    ndArray(
      [N, 4],
      Float32Array.from({ length: 4 * N }, (_, i) => 10 * Math.floor(i / 4) + (i % 4)),
    ),
};

describe("selectClasses", () => {
  it("gives the chosen outputs of each image, in the order of the labels", async () => {
    const selected = selectClasses(network, Int32Array.of(3, 0));
    expect(selected.spec).toEqual({ ...spec, numClasses: 2 });
    const { shape, data } = await selected.predict(ndArray([2, 1, 1, 3], new Float32Array(6)));
    expect([shape, [...data]]).toEqual([
      [2, 2],
      [3, 0, 13, 10],
    ]);
  });

  it.each([-1, 4, 0.5])("refuses the output %d", (output) => {
    expect(() => selectClasses(network, [output])).toThrow(expect.objectContaining({ code: "E_DATA" }));
  });
});
