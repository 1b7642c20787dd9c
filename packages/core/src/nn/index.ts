export { createTfjsNetwork, type TfjsNetworkOptions } from "./create-tfjs-network.ts";
export { lossGradient } from "./loss-gradient.ts";
export { TfjsNetwork } from "./tfjs-network.ts";
export { TfjsTrainableNetwork } from "./tfjs-trainable-network.ts";
