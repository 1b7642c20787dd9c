export type { Checkpoint, LoadedCheckpoint, ReadOptions } from "../checkpoint.ts";
export type { Tensors } from "../tensors.ts";
export { loadCheckpoint, loadTensors, saveCheckpoint, saveTensors } from "./files.ts";
export { type OnnxClassifier, type OnnxClassifierOptions, openOnnxClassifier } from "./onnx-classifier.ts";
export { isTfjsFolder, loadTfjsFolder, readTfjsFolder, writeTfjsFolder } from "./tfjs-folder.ts";
export { reasonOf, type WriteOptions, writeFileAtomically } from "./write-file-atomically.ts";
