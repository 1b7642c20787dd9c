export { explainAuto } from "./auto/choose-device.ts";
export type { StepTimes } from "./auto/rank-devices.ts";
export { keepStepTimes } from "./auto/step-times.ts";
export { type Linked, type LinkOptions, linkTensorflow } from "./tensorflow/link-tensorflow.ts";
export type { TensorflowDevice } from "./tensorflow/tensorflow-packages.ts";
