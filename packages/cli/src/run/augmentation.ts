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
  type Transform,
  trivialAugment,
} from "@repvgg/data";
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
export function changesImages({ augment, randomErasing, mixup, cutmix }: Settings): boolean {
  return augment !== "none" || randomErasing > 0 || mixup > 0 || cutmix > 0;
}

/** From decoded images of any size to bytes of the network's: what threads do. */
export function stepsOf({ augment }: Augmentation, preprocessing: Preprocessing): ImageStep[] {
  const colours = COLOURS[augment];
  if (!colours) return [resizeAndCropStep(preprocessing)];
  const { size, interpolation } = preprocessing;
  return [randomResizedCrop({ size, interpolation }), randomHorizontalFlip(), ...colours];
}

/** The rest, to the network's input; of images in memory all of it. */
export async function transformOf(
  { augment, randomErasing: probability }: Augmentation,
  dataset: LabelledImages,
  preprocessing: Preprocessing,
): Promise<Transform> {
  const { size } = preprocessing;
  const colours = isEncoded(dataset) ? undefined : COLOURS[augment];
  const crop = randomCrop({ size, padding: Math.round(Math.min(...size) * PADDED_SHARE) });
  return compose(
    ...(colours ? [await imageTransform([crop, randomHorizontalFlip(), ...colours])] : []),
    ...(augment === "shift" ? [shift({ maxPixels: SHIFT_PIXELS })] : []),
    preprocess(preprocessing),
    ...(probability > 0 ? [randomErasing({ probability })] : []),
  );
}
