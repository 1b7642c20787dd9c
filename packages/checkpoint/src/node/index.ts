export type { Checkpoint, LoadedCheckpoint, OpenCheckpoint, ReadOptions } from "../checkpoint.ts";
export type { Tensors } from "../tensors.ts";
export { loadCheckpoint, loadTensors, openCheckpoint, openOnnx, saveCheckpoint, saveTensors } from "./files.ts";
export { type OnnxClassifier, type OnnxClassifierOptions, openOnnxClassifier } from "./onnx-classifier.ts";
export { removeAtEnd } from "./remove-at-end.ts";
export { isTfjsFolder, loadTfjsFolder, readTfjsFolder, writeTfjsFolder } from "./tfjs-folder.ts";
export { reasonOf, removeUnfinished, type WriteOptions, writeFileAtomically } from "./write-file-atomically.ts";
