export { decodeImage } from "./decode-image.ts";
export type { DatasetKind, DatasetProblem, Layout, SplitName } from "./layouts/layout.ts";
export { listImages } from "./layouts/list-images.ts";
export { loadMnist, type MnistOptions, type MnistSplit, mnistDataFolder } from "./load-mnist.ts";
export { type BadImage, ImageLoader, type ImageLoaderOptions } from "./loader/image-loader.ts";
export { type OpenDatasetOptions, type OpenedDataset, openDataset } from "./open-dataset.ts";
export { preprocessImageFile } from "./preprocess-image-file.ts";
export { readIdxFile } from "./read-idx-file.ts";
