export {
  BATCH_LOADER_DEFAULTS,
  BatchLoader,
  type BatchLoaderOptions,
} from "./batch-loader.ts";
export type { CutBox, MixOptions, Mixture } from "./batch-mix.ts";
export { type ClassIndex, parseClassIndex } from "./class-index.ts";
export { type ClassMap, type LabelledClasses, labelledClasses, mapClasses } from "./class-map.ts";
export { firstImages, type ImageDataset, type InMemoryData, InMemoryDataset, Subset } from "./dataset.ts";
export { type EncodedDataset, type EncodedSample, isEncoded, type LabelledImages } from "./encoded-dataset.ts";
export { EncodedSubset, spreadImages } from "./encoded-subset.ts";
export type { LoaderState } from "./epoch-stream.ts";
export type { Batch } from "./finish-batch.ts";
export { type IdxArray, readIdx } from "./idx.ts";
export type { Box, ByteImage, Size } from "./image/byte-image.ts";
export { imageTransform } from "./image/image-pipeline.ts";
export {
  type ColorJitter,
  colorJitter,
  type ImageStep,
  type RandAugment,
  type RandomCrop,
  type RandomHorizontalFlip,
  type RandomResizedCrop,
  type ResizeAndCrop,
  randAugment,
  randomCrop,
  randomHorizontalFlip,
  randomResizedCrop,
  resizeAndCropStep,
  type TrivialAugment,
  trivialAugment,
} from "./image/image-steps.ts";
export { loadResampler } from "./image/load-resampler.ts";
export type { Interpolation } from "./image/resample-weights.ts";
export type { Resampler } from "./image/resampler.ts";
export { MNIST_CLASSES, mnistDataset } from "./mnist.ts";
export { type NormalizeOptions, normalize, repeatChannels } from "./normalize.ts";
export { permutation } from "./permutation.ts";
export {
  getDefaultValTransform,
  IMAGENET_PREPROCESSING,
  MNIST_PREPROCESSING,
  type Preprocessing,
  parsePreprocessing,
  preprocess,
  preprocessImages,
  timmPreprocessing,
} from "./preprocessing.ts";
export { type RandomErasingOptions, randomErasing } from "./random-erasing.ts";
export { type ShiftOptions, shift } from "./shift.ts";
export { type StratifiedSplitOptions, stratifiedSplit } from "./stratified-split.ts";
export { type ShuffleOptions, shuffleStream, streamTarSamples, type TarSample } from "./tar/tar-samples.ts";
export { compose, type ImageBatch, type Transform, type TransformContext } from "./transform.ts";
