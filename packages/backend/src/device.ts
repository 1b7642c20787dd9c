import type { Forms, NdArray, Network, RepVggSpec, TrainableNetwork } from "@repvgg/core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";

/** Every device, the ones that are fast where they work first. */
export const DEVICE_NAMES = ["cuda", "native", "webgpu", "wasm", "tfjs-wasm", "cpu"] as const;
export type DeviceName = (typeof DEVICE_NAMES)[number];

export interface DeviceOptions {
  /** Threads of the computation, of "wasm" and "native"; the others always use one. @default all cores */
  threads?: number;
  /**
   * Convolutions add up their own products, without Winograd's transforms: for proofs. Devices whose libraries choose for themselves
   * ("cuda", "native", "webgpu") refuse. @default false
   */
  exact?: boolean;
  /** Networks will be asked to train with checkpointing: "auto" then takes a device that can. @default false */
  checkpointing?: boolean;
}

export interface NetworkOptions {
  readonly spec: RepVggSpec;
  /** Parameters and running statistics; copied. */
  readonly state: ReadonlyMap<string, NdArray>;
  /** The form that `state` is in, or that of each block. */
  readonly form: Forms;
  /** Height and width of the images, in pixels. */
  readonly imageSize: readonly [height: number, width: number];
  /** The largest batch that memory is planned for; any other batch also works, in pieces. @default 1 */
  readonly batchSize?: number;
}

/** A trainable network is always in train form; its batch size is that of the training. */
export type TrainableNetworkOptions = Omit<NetworkOptions, "form" | "batchSize"> & {
  readonly batchSize: number;
  /**
   * Stages that do not learn: any number of `stem`, `stage1` … `stage4`, from the stem on. Their batch normalizations normalize by
   * the running statistics and leave these as they are. @default none
   */
  readonly freeze?: readonly string[];
  /**
   * Keep only the outputs of the blocks for the backward pass, which computes the rest again: the same bits, in about 60 % of the
   * memory and 1.2 times the time. On "wasm". @default false
   */
  readonly checkpointing?: boolean;
};

/** Where networks run. Networks made on it stay valid until they are disposed themselves. */
export interface Device extends Disposable {
  readonly name: DeviceName;
  /** One line for people: what computes, and how. */
  readonly description: string;
  readonly threads: number;
  /** Of a device that "auto" chose. */
  readonly choice?: DeviceChoice;
  /** @throws {RepvggError} `E_STATE`: the state does not fit the spec; `E_MEMORY`: too large for the device. */
  createNetwork(options: NetworkOptions): Promise<Network>;
  /** @throws {RepvggError} as {@link Device.createNetwork}; `E_UNSUPPORTED`: the device has no checkpointing. */
  createTrainableNetwork(options: TrainableNetworkOptions): Promise<TrainableNetwork<Tensor, Scalar>>;
  /** Safe to call twice. */
  dispose(): void;
}

/** Why "auto" chose a device, for people. */
export interface DeviceChoice {
  readonly why: string;
  /** Of devices that would have been faster: what kept each from being opened. */
  readonly failures: readonly string[];
}

/** What is known of a device without opening it for use. */
export interface DeviceStatus {
  readonly name: DeviceName;
  readonly available: boolean;
  /** Why it can or cannot be used, in one sentence. */
  readonly reason: string;
  /** Whether "auto" takes it, and why or why not. */
  readonly auto: { readonly taken: boolean; readonly why: string };
}
