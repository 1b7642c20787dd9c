import { RepvggError } from "@repvgg/core";
import {
  type Batch,
  BatchLoader,
  isEncoded,
  type LabelledImages,
  type Preprocessing,
  preprocess,
  resizeAndCropStep,
} from "@repvgg/data";
import { ImageLoader, type ImageLoaderOptions } from "@repvgg/data/node";
import type { BatchSource } from "@repvgg/distill";

/** How images on disk are loaded: it changes no batch, but for bad images. */
export interface Loading {
  readonly workers?: number | undefined;
  readonly cache: "none" | "ram" | "disk";
  readonly onBadImage: "fail" | "skip";
  /** Told of bad images and ended workers. */
  report(message: string): void;
}

/** Batches, and the threads that make them. */
export interface OpenSource extends BatchSource {
  /** Ends the threads. */
  close(): Promise<void>;
}

/** What the two loaders share. */
type Common = Pick<ImageLoaderOptions, "batchSize" | "transform" | "shuffle" | "seed" | "dropLast" | "mix">;

/**
 * Batches of either kind of data set.
 *
 * @param steps Of images on disk, before the transform.
 * @throws {RepvggError} `E_UNSUPPORTED`: images on disk for a network of other than 1 or 3 channels.
 */
export function openSource(
  dataset: LabelledImages,
  { inputChannels }: Preprocessing,
  loading: Loading,
  options: Common & Pick<ImageLoaderOptions, "steps" | "preprocessing" | "reuseMemory">,
): OpenSource {
  const { steps, preprocessing, reuseMemory, ...common } = options;
  if (!isEncoded(dataset)) return withoutThreads(new BatchLoader({ dataset, ...common }));
  if (inputChannels !== 1 && inputChannels !== 3) {
    throw new RepvggError(
      "E_UNSUPPORTED",
      `Images on disk cannot be given to a network of ${inputChannels} channels, only of 1 or 3.`,
    );
  }
  const { workers, ...others } = loading;
  const threads = workers === undefined ? {} : { workers };
  const normalised = { ...(preprocessing && { preprocessing }), ...(reuseMemory && { reuseMemory }) };
  return new ImageLoader({ dataset, steps, channels: inputChannels, ...normalised, ...common, ...others, ...threads });
}

/** Every image once, in order and as it is: what validation and a teacher are asked about. */
export function everyImage(
  dataset: LabelledImages,
  preprocessing: Preprocessing,
  batchSize: number,
  loading: Loading,
): OpenSource {
  const steps = [resizeAndCropStep(preprocessing)];
  const input = isEncoded(dataset) ? { preprocessing } : { transform: preprocess(preprocessing) };
  return openSource(dataset, preprocessing, loading, { steps, batchSize, ...input });
}

function withoutThreads(loader: BatchLoader): OpenSource {
  const { dataset, batchSize, batchesPerEpoch } = loader;
  const batches = (epoch: number, startBatch?: number): AsyncIterable<Batch> => loader.batches(epoch, startBatch);
  return { dataset, batchSize, batchesPerEpoch, batches, close: async () => {} };
}
