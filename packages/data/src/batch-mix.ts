import { type Images, RepvggError } from "@repvgg/core";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";
import { symmetricBeta } from "./distributions.ts";

/**
 * How the images of a batch were blended: image n shows `lambda` of itself and `1 − lambda` of image `partners[n]`, and so
 * its target is
 *
 *     lambda · oneHot(labels[n]) + (1 − lambda) · oneHot(labels[partners[n]])
 */
export interface Mixture {
  /** Positions in the batch, `[N]`. */
  readonly partners: Int32Array;
  /** In [0, 1]. */
  readonly lambda: number;
}

/** Blending of the images of a batch. With both, each batch is either mixed up or cut, equally likely. */
export interface MixOptions {
  /** `α` of Beta(α, α), of which mixup draws its lambda; 0: no mixup. @default 0 */
  mixup?: number;
  /** `α` of Beta(α, α), of which CutMix draws its lambda; 0: no CutMix. @default 0 */
  cutmix?: number;
}

/** Rows and columns of a batch's images that are taken from the partner; `bottom` and `right` are outside. */
export interface CutBox {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/** Whether the options blend at all. @throws {RepvggError} `E_DATA`: an α is not a number of 0 or more. */
export function mixes({ mixup = 0, cutmix = 0 }: MixOptions): boolean {
  for (const [name, alpha] of Object.entries({ mixup, cutmix })) {
    if (Number.isFinite(alpha) && alpha >= 0) continue;
    throw new RepvggError("E_DATA", `The alpha of ${name} must be a number, 0 or more, got ${alpha}.`);
  }
  return mixup > 0 || cutmix > 0;
}

/**
 * Blends the images of a batch, each with the one before it, as torchvision's MixUp and CutMix do.
 *
 * @param images `[N, H, W, C]`, written over.
 * @param random The batch's own generator.
 * @see Zhang et al. 2018, mixup; Yun et al. 2019, CutMix
 */
export function mixBatch(images: Images, { mixup = 0, cutmix = 0 }: MixOptions, random: RandomGenerator): Mixture {
  const [N, H, W] = images.shape;
  const partners = Int32Array.from({ length: N }, (_, n) => (n + N - 1) % N);
  if (cutmix > 0 && (mixup === 0 || uniformInt(random, 0, 1) === 0)) {
    const box = cutBox([H, W], symmetricBeta(random, cutmix), random);
    pasteBox(images, partners, box);
    return { partners, lambda: 1 - ((box.bottom - box.top) * (box.right - box.left)) / (H * W) };
  }
  const lambda = symmetricBeta(random, mixup);
  blend(images, partners, lambda);
  return { partners, lambda };
}

/** A box of the share `1 − lambda` of the image, around any pixel, cut off at the edges. */
function cutBox([H, W]: readonly [number, number], lambda: number, random: RandomGenerator): CutBox {
  const [x, y] = [uniformInt(random, 0, W - 1), uniformInt(random, 0, H - 1)];
  const half = 0.5 * Math.sqrt(1 - lambda);
  const [halfWidth, halfHeight] = [Math.trunc(half * W), Math.trunc(half * H)];
  return {
    top: Math.max(y - halfHeight, 0),
    left: Math.max(x - halfWidth, 0),
    bottom: Math.min(y + halfHeight, H),
    right: Math.min(x + halfWidth, W),
  };
}

/**
 * Mixup with given parameters: every image becomes `lambda · image + (1 − lambda) · partner`, in float32.
 *
 * @param images `[N, H, W, C]`, written over.
 */
export function blend({ shape, data }: Images, partners: Int32Array, lambda: number): void {
  const before = data.slice();
  const size = data.length / shape[0];
  const [own, other] = [Math.fround(lambda), Math.fround(1 - lambda)];
  partners.forEach((partner, n) => {
    for (let i = n * size, j = partner * size; i < (n + 1) * size; i++, j++) {
      data[i] = Math.fround(before[j]! * other) + Math.fround(before[i]! * own);
    }
  });
}

/**
 * CutMix with a given box: in every image the pixels of the box become its partner's.
 *
 * @param images `[N, H, W, C]`, written over.
 */
export function pasteBox({ shape, data }: Images, partners: Int32Array, { top, left, bottom, right }: CutBox): void {
  const before = data.slice();
  const [, H, W, C] = shape;
  partners.forEach((partner, n) => {
    for (let y = top; y < bottom; y++) {
      const row = (image: number, x: number) => ((image * H + y) * W + x) * C;
      data.set(before.subarray(row(partner, left), row(partner, right)), row(n, left));
    }
  });
}
