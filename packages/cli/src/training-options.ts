import {
  AUGMENTATION_OPTIONS,
  DATA_IMAGE_SIZE_OPTION,
  DATA_OPTION,
  DEVICE_OPTIONS,
  EMA_OPTION,
  LOADING_OPTIONS,
  SEED_OPTION,
  SPLIT_OPTION,
  STRIDES_OPTION,
} from "./common-options.ts";
import { DISTILLATION_OPTIONS } from "./distillation-options.ts";
import type { OptionSpecs } from "./option.ts";

/** Settings of every training. */
const SHARED_SETTINGS = {
  ...DATA_OPTION,
  ...SPLIT_OPTION,
  model: {
    kind: "text",
    value: "model",
    help: "a name from `repvgg variants`, or a checkpoint whose architecture to take",
    defaultText: "none, required",
  },
  ...STRIDES_OPTION,
  weights: { kind: "text", value: "file", help: "checkpoint to start from", defaultText: "random weights" },
  ...EMA_OPTION,
  epochs: { kind: "integer", help: "passes over the training images", min: 1, max: 100000, default: 4 },
  batchSize: {
    kind: "integer",
    help: "images of one step; auto: the largest power of two that fits into the memory and is worthwhile, by real steps",
    min: 1,
    max: 65536,
    default: 128,
    auto: true,
  },
  optimizer: { kind: "choice", help: "what updates the weights", choices: ["sgd", "adamw"], default: "sgd" },
  lr: {
    kind: "number",
    help: "largest learning rate; 0.1@256 scales it linearly from a step of 256 images to this one",
    min: 0,
    open: "min",
    perBatch: true,
    defaultText: "0.1; of adamw 0.001",
  },
  momentum: { kind: "number", help: "momentum of SGD", min: 0, max: 1, open: "max", default: 0.9 },
  nesterov: { kind: "flag", help: "Nesterov's momentum, with SGD" },
  weightDecay: {
    kind: "number",
    help: "decay of kernels; none of biases and batch normalization",
    min: 0,
    defaultText: "0.0001; of adamw 0.01",
  },
  customL2: {
    kind: "number",
    help: "weight of the authors' L2 penalty on equivalent kernels",
    min: 0,
    open: "min",
    defaultText: "none",
  },
  clipGrad: {
    kind: "number",
    help: "largest norm of the gradient of all weights; longer ones are scaled down",
    min: 0,
    open: "min",
    defaultText: "no limit",
  },
  accumulate: { kind: "integer", help: "batches whose mean gradient makes one step", min: 1, max: 65536, default: 1 },
  schedule: {
    kind: "choice",
    help: "how the learning rate falls",
    choices: ["cosine", "step", "multi-step", "polynomial", "one-cycle", "constant"],
    default: "cosine",
  },
  minLr: { kind: "number", help: "with --schedule cosine: the rate that it falls to", min: 0, default: 0 },
  stepEpochs: {
    kind: "integer",
    help: "with --schedule step: epochs between two drops",
    min: 1,
    default: 30,
  },
  milestones: {
    kind: "text",
    value: "epochs",
    help: "with --schedule multi-step: epochs after which the rate drops, counted from the end of the warm-up: 30,60,80",
    defaultText: "none",
  },
  gamma: {
    kind: "number",
    help: "with --schedule step and multi-step: the factor of each drop",
    min: 0,
    max: 1,
    open: "min",
    default: 0.1,
  },
  warmupEpochs: { kind: "number", help: "epochs over which the learning rate first rises", min: 0, default: 0 },
  freeze: {
    kind: "text",
    value: "stages",
    help: "stages that do not learn, from the stem on: stem,stage1,stage2,...",
    defaultText: "none",
  },
  checkpointing: {
    kind: "flag",
    help: "keep fewer activations and compute them again: the same weights in less memory, 1.2 times the time; on wasm",
  },
  ema: {
    kind: "number",
    help: "decay of an average of the weights, which is validated and saved too: 0.999",
    min: 0,
    max: 1,
    open: "max",
    defaultText: "no average",
  },
  emaWarmup: { kind: "flag", help: "with --ema: the decay rises to its value over the first steps, as timm's" },
  auxWeight: {
    kind: "number",
    help: "weight of the loss of each auxiliary classifier of RepVGGplus",
    min: 0,
    default: 0.1,
  },
  patience: { kind: "integer", help: "stop after so many epochs without a better one", min: 1, defaultText: "never" },
  onNan: {
    kind: "choice",
    help: "at a batch whose loss is not finite",
    choices: ["stop", "skip"],
    default: "stop",
  },
  ...AUGMENTATION_OPTIONS,
  ...LOADING_OPTIONS,
  limit: { kind: "integer", help: "train on the first images only", min: 1, defaultText: "all" },
  valLimit: { kind: "integer", help: "validate on the first images only", min: 1, defaultText: "all" },
  ...DATA_IMAGE_SIZE_OPTION,
  progressive: {
    kind: "text",
    value: "sizes",
    help: "images on disk that grow in four steps from the first size to the second, which is that of the validation: 160:224",
    defaultText: "one size",
  },
  numClasses: { kind: "integer", help: "classes of the network", min: 1, max: 1000000, defaultText: "the data set's" },
  saveEvery: { kind: "integer", help: "steps between two saves in the middle of an epoch", min: 1, default: 200 },
  keep: {
    kind: "integer",
    help: "keep the weights of so many last epochs too, as epoch-3.safetensors",
    min: 0,
    max: 100000,
    default: 0,
  },
  ...SEED_OPTION,
  ...DEVICE_OPTIONS,
} as const satisfies OptionSpecs;

/** What decides the result of `repvgg train`: what a config file may hold, and what `config.json` records. */
export const TRAIN_SETTINGS = {
  ...SHARED_SETTINGS,
  labelSmoothing: {
    kind: "number",
    help: "share of the label that is spread over all classes",
    min: 0,
    max: 1,
    open: "max",
    default: 0,
  },
} as const satisfies OptionSpecs;

/** The same for `repvgg find-lr`, whose steps and rates are its own; it neither validates nor saves. */
export const FIND_LR_SETTINGS = (() => {
  const { epochs, lr, schedule, minLr, stepEpochs, gamma, milestones, warmupEpochs, ...shared } = TRAIN_SETTINGS;
  const { ema, emaWarmup, patience, onNan, valLimit, saveEvery, keep, progressive, ...settings } = shared;
  return settings;
})();

/** The same for `repvgg distill`. Its teacher's answers are smoother than any smoothed label. */
export const DISTILL_SETTINGS = {
  ...SHARED_SETTINGS,
  ...DISTILLATION_OPTIONS,
} as const satisfies OptionSpecs;

export type TrainingCommand = "train" | "distill";
export const SETTINGS = { train: TRAIN_SETTINGS, distill: DISTILL_SETTINGS } as const;

/** Options about the run, not about its result. */
export const RUN_OPTIONS = {
  config: { kind: "text", value: "file", help: "JSON or YAML with any of the other options; flags win" },
  out: {
    kind: "text",
    value: "folder",
    help: "run folder; the next free number is added",
    defaultText: "runs/<model>",
  },
  resume: { kind: "text", value: "run", help: "continue a stopped run, from its last saved step" },
  force: { kind: "flag", help: "with --resume: accept other settings or data than the run's" },
  dryRun: {
    kind: "flag",
    help: "print the plan, what ten real steps take, and what is wrong with the data; write nothing",
  },
} as const satisfies OptionSpecs;
