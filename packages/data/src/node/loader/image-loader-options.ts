import type { MixOptions } from "../../batch-mix.ts";
import type { EncodedDataset } from "../../encoded-dataset.ts";
import type { ImageStep } from "../../image/image-steps.ts";
import type { Preprocessing } from "../../preprocessing.ts";
import type { Transform } from "../../transform.ts";

export interface ImageLoaderOptions {
  dataset: EncodedDataset;
  batchSize: number;
  /** From decoded images to bytes of one size; the last one that has a size decides it. */
  steps: readonly ImageStep[];
  /** Of the decoded images: 3 (RGB) or 1 (grey). @default 3 */
  channels?: 1 | 3;
  /** Normalises in the threads. @default the transform does it */
  preprocessing?: Preprocessing;
  /** From bytes, or with `preprocessing` what it gives, to the network's input, on the main thread. @default bytes / 255, or nothing */
  transform?: Transform;
  /** Blends the images of each batch, after the transform. @default no blending */
  mix?: MixOptions;
  /** Another order in each epoch; without it, the data set's own. @default false */
  shuffle?: boolean;
  /** Decides order and augmentation. @default 0 */
  seed?: number;
  /** Leaves out a last batch of fewer images. @default false */
  dropLast?: boolean;
  /** Threads that read and decode; 0: none, the main thread does it. @default as many as cores, at most 4 */
  workers?: number;
  /** How many batches are made ahead of the one that is used. @default 2 */
  prefetch?: number;
  /**
   * With `preprocessing`, the numbers of a batch lie in the memory that the threads wrote them to (a SharedArrayBuffer), and are gone
   * when the next one is taken. Saves the main thread a tenth of a millisecond for an image of 224 × 224. @default false
   */
  reuseMemory?: boolean;
  /** At an image that cannot be used: stop, or take the next one of the data set in its place. @default "fail" */
  onBadImage?: "fail" | "skip";
  /** Told of each bad image once, of each worker that ended, and of a cache that cannot be written. */
  report?(message: string): void;
  /** Keeps images after the steps that are not random, so that they are decoded once. @default "none" */
  cache?: "none" | "ram" | "disk";
  /**
   * The most that the cache may hold: on disk, the folder, whoever else writes to it. What nobody has used for longest makes room
   * there. @default a quarter of the memory, or 20 GiB on disk
   */
  cacheBytes?: number;
  /** Of the cache on disk. @default ~/.cache/repvgg/images */
  cacheFolder?: string;
}

export const IMAGE_LOADER_DEFAULTS = {
  channels: 3,
  mix: {},
  shuffle: false,
  seed: 0,
  dropLast: false,
  prefetch: 2,
  reuseMemory: false,
  onBadImage: "fail",
  cache: "none",
} as const;
