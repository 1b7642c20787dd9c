import type { RepVggSpec } from "@repvgg/core";

/** Which training images a network sees: plain data, so that a training can be recognised. */
export interface ImageChoice {
  /** The first so many. */
  readonly first: number;
  /** Of them, none of this class. */
  readonly without?: number;
}

/** One training, as data: the same training always gives the same network. */
export interface Training {
  readonly title: string;
  readonly spec: RepVggSpec;
  readonly images: ImageChoice;
  readonly epochs: number;
  readonly learningRate: number;
  /** Of the initial weights and the order of the images. */
  readonly seed: number;
  /** Each image is moved by up to so many pixels, both ways. @default 0 */
  readonly shiftPixels?: number;
  /** Learns from another network's answers, with Hinton's loss; else from the labels. */
  readonly soft?: { readonly teacher: Training; readonly temperature: number; readonly alpha: number };
}

/** What all trainings share: SGD, a cosine to 0 step by step. */
export const COMMON = { batchSize: 128, momentum: 0.9, weightDecay: 1e-4 } as const;

/** What a command line may change. */
export interface Protocol {
  /** Of the students. */
  readonly seeds: readonly number[];
  /** Training images at most. */
  readonly limit: number;
  /** Instead of each training's own. */
  readonly epochs?: number | undefined;
}
