export type { BatchNormTensors, BlockTensors, ConvBnTensors } from "./block-tensors.ts";
export { createTfjsNetwork, type TfjsNetworkOptions } from "./create-tfjs-network.ts";
export { customL2 } from "./custom-l2.ts";
export { equivalentKernelBias } from "./equivalent-kernel-bias.ts";
export { lossGradient } from "./loss-gradient.ts";
export { type BatchNormResult, type Moments, type NetworkKernels, registerNetworkKernels } from "./network-kernels.ts";
export { TfjsNetwork } from "./tfjs-network.ts";
export { TfjsTrainableNetwork } from "./tfjs-trainable-network.ts";
