export { decodeImage } from "./decode-image.ts";
export {
  type DownloadDatasetOptions,
  downloadDataset,
  PUBLISHED_DATASETS,
  type PublishedDataset,
} from "./download/download-dataset.ts";
export type { DatasetReport, SplitReport, Spread } from "./inspect/dataset-report.ts";
export { type InspectOptions, inspectDataset } from "./inspect/inspect-dataset.ts";
export { quarantine } from "./inspect/quarantine.ts";
export { type SampleRow, type SampleSheetOptions, sampleSheet, type Thumbnail } from "./inspect/sample-sheet.ts";
export type { DatasetKind, DatasetProblem, Layout, SplitName } from "./layouts/layout.ts";
export { listImages } from "./layouts/list-images.ts";
export { loadMnist, type MnistOptions, type MnistSplit, mnistDataFolder } from "./load-mnist.ts";
export { type BadImage, ImageLoader } from "./loader/image-loader.ts";
export type { ImageLoaderOptions } from "./loader/image-loader-options.ts";
export { makeFolder } from "./make-folder.ts";
export { type OpenDatasetOptions, type OpenedDataset, openDataset } from "./open-dataset.ts";
export { preprocessImage, preprocessImageFile } from "./preprocess-image-file.ts";
export { readClassIndex } from "./read-class-index.ts";
export { readIdxFile } from "./read-idx-file.ts";
