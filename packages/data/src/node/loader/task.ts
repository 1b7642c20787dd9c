import type { EncodedSample } from "../../encoded-dataset.ts";
import type { ByteImage, Size } from "../../image/byte-image.ts";
import type { ImageStep } from "../../image/image-steps.ts";
import type { Preprocessing } from "../../preprocessing.ts";

/** What a thread needs to know once. */
export interface ReaderOptions {
  readonly steps: readonly ImageStep[];
  readonly channels: 1 | 3;
  /** Of the images that the steps give. */
  readonly size: Size;
  readonly seed: number;
  /** Normalises the images; absent: they stay bytes. */
  readonly preprocessing?: Preprocessing | undefined;
  readonly cache: "none" | "ram" | "disk";
  /** Of the cache on disk. */
  readonly cacheFolder: string;
}

/** An image after its fixed steps, of the file as it was then. */
export interface CachedImage extends Omit<ByteImage, "data"> {
  /** The file's time of change and size. */
  readonly stamp: string;
  readonly data: Uint8Array;
}

/** One image to be read, decoded and augmented. */
export interface Task {
  readonly sample: EncodedSample;
  /** Of the image in the data set, and the epoch: they decide its random numbers. */
  readonly index: number;
  readonly epoch: number;
  /** Where the bytes or float32 numbers go, from the byte `offset` on. */
  readonly slot: SharedArrayBuffer;
  readonly offset: number;
  /** From the cache in memory. */
  readonly cached?: CachedImage | undefined;
  /** Whether the cache has room for one more. */
  readonly mayStore: boolean;
  /** One shared number: when it is no longer 0, nobody waits for the image. */
  readonly stopped: Int32Array;
}

/** What comes back; the pixels are in the slot. */
export interface TaskResult {
  /** New for the cache in memory, in shared memory. */
  readonly fresh?: CachedImage | undefined;
  /** Written to the cache on disk. */
  readonly storedBytes: number;
  /** Why it could not be. */
  readonly storeFault?: string;
}
