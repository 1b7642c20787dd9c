import { RepvggError } from "@repvgg/core";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { normal } from "./distributions.ts";
import { randomBox } from "./image/random-box.ts";
import type { Transform } from "./transform.ts";

export interface RandomErasingOptions {
  /** How likely an image loses a box. */
  probability: number;
  /** Share of the image's area. @default [0.02, 0.33] */
  scale?: readonly [number, number];
  /** Height over width. @default [0.3, 3.3] */
  ratio?: readonly [number, number];
  /** What comes in its place: a number, or normally distributed ones. @default 0, the mean colour */
  value?: number | "random";
}

/**
 * Blanks a box of normalised images, as torchvision's RandomErasing does: use it after `preprocess` or `normalize`.
 *
 * @throws {RepvggError} `E_DATA`: the probability is not in [0, 1].
 * @see Zhong et al. 2017. https://arxiv.org/abs/1708.04896
 */
export function randomErasing({
  probability,
  scale = [0.02, 0.33],
  ratio = [0.3, 3.3],
  value = 0,
}: RandomErasingOptions): Transform {
  if (!(probability >= 0 && probability <= 1)) {
    throw new RepvggError("E_DATA", `The probability of random erasing must be in [0, 1], got ${probability}.`);
  }
  // randomBox's ratio is width over height.
  const ranges = { scale, ratio: [1 / ratio[1], 1 / ratio[0]] } as const;
  return (batch, { random }) => {
    const [n, height, width, channels] = batch.shape;
    for (let k = 0; k < n; k++) {
      const generator = random(k);
      if (uniformFloat64(generator) >= probability) continue;
      const box = randomBox([height, width], ranges, generator, (side, whole) => side < whole);
      if (!box) continue;
      for (let y = box.top; y < box.top + box.height; y++) {
        const start = ((k * height + y) * width + box.left) * channels;
        for (let i = start; i < start + box.width * channels; i++) {
          batch.data[i] = value === "random" ? normal(generator) : value;
        }
      }
    }
    return batch;
  };
}
