import type { Variant } from "@repvgg/core";

/** What a network of ImageNet's classes is given unless something else is said. */
export const DEFAULT_IMAGE_SIZE = 224;

/** The image size, in pixels, that a named network is taken at: its own where that is smaller than ImageNet's. */
export function defaultImageSize({ imageSize }: Variant): number {
  return Math.min(imageSize, DEFAULT_IMAGE_SIZE);
}
