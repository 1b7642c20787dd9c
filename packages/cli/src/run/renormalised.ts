import { type Images, type NdArray, ndArray } from "@repvgg/core";
import type { Preprocessing } from "@repvgg/data";

/** How images are normalised, one number a channel, of pixels in [0, 1]. */
export type Normalisation = Pick<Preprocessing, "mean" | "std">;

export const sameNormalisation = (a: Normalisation, b: Normalisation) =>
  String([a.mean, a.std]) === String([b.mean, b.std]);

export const describeNormalisation = ({ mean, std }: Normalisation) =>
  `mean ${mean.join(",")} and std ${std.join(",")}`;

/**
 * Images as another network wants them: exact but for the rounding to float32, whatever the augmentation.
 *
 *     x' = (x · std + mean − mean') / std'
 */
export function renormalised(images: Images, from: Normalisation, to: Normalisation): Images {
  const channels = images.shape[3];
  const scale = Float64Array.from({ length: channels }, (_, c) => from.std[c]! / to.std[c]!);
  const offset = Float64Array.from({ length: channels }, (_, c) => (from.mean[c]! - to.mean[c]!) / to.std[c]!);
  const { shape, data }: NdArray = images;
  return ndArray(
    shape,
    data.map((x, i) => x * scale[i % channels]! + offset[i % channels]!),
  ) as Images;
}
