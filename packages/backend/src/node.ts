export { type Linked, type LinkOptions, linkTensorflow } from "./tensorflow/link-tensorflow.ts";
export type { TensorflowDevice } from "./tensorflow/tensorflow-packages.ts";
