import {
  colorJitter,
  compose,
  type ImageStep,
  imageTransform,
  isEncoded,
  type LabelledImages,
  type Preprocessing,
  preprocess,
  randAugment,
  randomCrop,
  randomErasing,
  randomHorizontalFlip,
  randomResizedCrop,
  resizeAndCropStep,
  shift,
  trivialAugment,
} from "@repvgg/data";
import type { ImageLoaderOptions } from "@repvgg/data/node";
import type { Settings } from "./settings.ts";

type Augmentation = Pick<Settings, "augment" | "randomErasing">;

const SHIFT_PIXELS = 2;
/** Of the images' side: CIFAR's border of 4 at 32 pixels. */
const PADDED_SHARE = 1 / 8;
const JITTER = { brightness: 0.4, contrast: 0.4, saturation: 0.4 } as const;

/** What each name adds to the crop and the flip. */
const COLOURS: Readonly<Partial<Record<Settings["augment"], readonly ImageStep[]>>> = {
  "crop-flip": [],
  "color-jitter": [colorJitter(JITTER)],
  "rand-augment": [randAugment()],
  "trivial-augment": [trivialAugment()],
};

/** Whether an image looks another way each time. */
export function changesImages({
  augment,
  randomErasing,
  mixup,
  cutmix,
}: Augmentation & Pick<Settings, "mixup" | "cutmix">): boolean {
  return augment !== "none" || randomErasing > 0 || mixup > 0 || cutmix > 0;
}

/** From decoded images of any size to bytes of the network's: what threads do. */
export function stepsOf({ augment }: Augmentation, preprocessing: Preprocessing): ImageStep[] {
  const colours = COLOURS[augment];
  if (!colours) return [resizeAndCropStep(preprocessing)];
  const { size, interpolation } = preprocessing;
  return [randomResizedCrop({ size, interpolation }), randomHorizontalFlip(), ...colours];
}

/** The rest, to the network's input: of images on disk the threads normalise them too; of images in memory it is all. */
export async function inputOf(
  { augment, randomErasing: probability }: Augmentation,
  dataset: LabelledImages,
  preprocessing: Preprocessing,
): Promise<Pick<ImageLoaderOptions, "preprocessing" | "transform">> {
  const erasing = probability > 0 ? [randomErasing({ probability })] : [];
  if (augment === "shift") {
    return { transform: compose(shift({ maxPixels: SHIFT_PIXELS }), preprocess(preprocessing), ...erasing) };
  }
  if (isEncoded(dataset)) return { preprocessing, transform: compose(...erasing) };
  const { size } = preprocessing;
  const crop = randomCrop({ size, padding: Math.round(Math.min(...size) * PADDED_SHARE) });
  const colours = COLOURS[augment];
  const steps = colours ? [await imageTransform([crop, randomHorizontalFlip(), ...colours])] : [];
  return { transform: compose(...steps, preprocess(preprocessing), ...erasing) };
}
