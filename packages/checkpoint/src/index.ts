export {
  type Checkpoint,
  checkpointContent,
  type LoadedCheckpoint,
  type OpenCheckpoint,
  parseCheckpoint,
  type ReadOptions,
  type SerializeOptions,
  serializeCheckpoint,
} from "./checkpoint.ts";
export type { Content } from "./content.ts";
export { type Dtype, toFloat32 } from "./dtypes.ts";
export { fromFileLayout, nchwToNhwc, nhwcToNchw, toFileLayout, transpose } from "./file-layout.ts";
export { type ProtobufField, readProtobuf } from "./onnx-protobuf-reader.ts";
export { ProtobufWriter } from "./onnx-protobuf-writer.ts";
export { parseOnnx } from "./onnx-read.ts";
export { type OnnxOptions, onnxContent, serializeOnnx } from "./onnx-write.ts";
export { type RawTensor, readSafetensors, type Safetensors } from "./read-safetensors.ts";
export { parseTensors, serializeTensors, type Tensors } from "./tensors.ts";
export { parseTfjs } from "./tfjs-read.ts";
export { serializeTfjs, type TfjsOptions } from "./tfjs-write.ts";
export { pthContent, serializePth } from "./write-pth.ts";
export { writeSafetensors } from "./write-safetensors.ts";
