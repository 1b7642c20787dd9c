import type { LabelledImages, Preprocessing } from "@repvgg/data";
import { inputOf, stepsOf } from "./augmentation.ts";
import { openSource } from "./batch-sources.ts";
import { preprocessingOf, someOf } from "./data-source.ts";
import type { Settings } from "./settings.ts";

/** How training would change its images. */
export type SampleAugmentation = Pick<Settings, "augment" | "mixup" | "cutmix" | "randomErasing" | "seed"> & {
  /** What the network is given of images on disk. */
  readonly imageSize: number;
};

/** One image, as each epoch sees it. */
export interface AugmentedImage {
  readonly label: number;
  /** JPEG files, one for each epoch. */
  readonly epochs: readonly Uint8Array[];
}

const IMAGES = 8;
const EPOCHS = 6;
const QUALITY = 90;

/**
 * A few images as training gives them to the network, in several epochs: by its own loader, and back to bytes.
 *
 * @throws {RepvggError} `E_DATA`: none of them can be used.
 */
export async function augmentedSamples(
  whole: LabelledImages,
  { imageSize, mixup, cutmix, seed, ...augmentation }: SampleAugmentation,
): Promise<AugmentedImage[]> {
  const count = Math.min(IMAGES, whole.length);
  const dataset = someOf(whole, count);
  const preprocessing = preprocessingOf(dataset, imageSize);
  const loading = { workers: 1, cache: "none", onBadImage: "skip", report() {} } as const;
  const source = openSource(dataset, preprocessing, loading, {
    batchSize: count,
    seed,
    shuffle: false,
    dropLast: false,
    mix: { mixup, cutmix },
    steps: stepsOf(augmentation, preprocessing),
    ...(await inputOf(augmentation, dataset, preprocessing)),
  });
  try {
    const rows = Array.from({ length: count }, (_, i) => ({ label: dataset.label(i), epochs: [] as Uint8Array[] }));
    for (let epoch = 0; epoch < EPOCHS; epoch++) {
      for await (const { images } of source.batches(epoch, 0)) {
        const [, height, width, channels] = images.shape;
        const size = height * width * channels;
        for (const [i, row] of rows.entries()) {
          const bytes = toBytes(images.data.subarray(i * size, (i + 1) * size), preprocessing);
          row.epochs.push(await jpegOf(bytes, { height, width, channels: channels as 1 | 3 }));
        }
      }
    }
    return rows;
  } finally {
    await source.close();
  }
}

/** What `preprocess` did, backwards: x = 255 · (y · std + mean). */
function toBytes(values: Float32Array, { mean, std, inputChannels }: Preprocessing): Uint8Array {
  const of = (statistics: readonly number[], i: number) =>
    statistics.length === 1 ? statistics[0]! : statistics[i % inputChannels]!;
  // A clamped array, since a box of --random-erasing may be filled with any number.
  return new Uint8Array(Uint8ClampedArray.from(values, (value, i) => 255 * (value * of(std, i) + of(mean, i))).buffer);
}

async function jpegOf(bytes: Uint8Array, raw: { height: number; width: number; channels: 1 | 3 }): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  return sharp(bytes, { raw }).jpeg({ quality: QUALITY }).toBuffer();
}
