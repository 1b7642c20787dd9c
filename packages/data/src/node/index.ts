export { loadMnist, type MnistOptions, type MnistSplit, mnistDataFolder } from "./load-mnist.ts";
export { preprocessImageFile } from "./preprocess-image-file.ts";
export { readIdxFile } from "./read-idx-file.ts";
