import { ndArray } from "@repvgg/core";
import { describe, expect, it } from "vitest";
import { renormalised } from "./renormalised.ts";

describe("renormalised", () => {
  it("undoes one normalisation and does the other, by channel", () => {
    const pixels = [0, 0.25, 1, 0.5, 0.75, 0.125];
    const [from, to] = [
      { mean: [0.1, 0.2, 0.3], std: [0.5, 0.25, 2] },
      { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
    ];
    const by = ({ mean, std }: typeof from) => pixels.map((x, i) => (x - mean[i % 3]!) / std[i % 3]!);
    const images = ndArray([1, 1, 2, 3] as const, Float32Array.from(by(from)));
    expect([...renormalised(images, from, to).data]).toEqual(by(to).map((x) => expect.closeTo(x, 5)));
  });
});
