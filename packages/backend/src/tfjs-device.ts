import { RepvggError } from "@repvgg/core";
import { createTfjsNetwork } from "@repvgg/core/nn";
import { backend as currentBackend } from "@tensorflow/tfjs-core";
import type { Device, DeviceName, DeviceOptions, NetworkOptions, TrainableNetworkOptions } from "./device.ts";
import { loadGradients } from "./load-gradients.ts";
import { assertArraysFit } from "./out-of-memory.ts";
import { type TfjsBackend, withTfjsBackend } from "./tfjs-backend.ts";
import { TfjsDeviceNetwork, TfjsDeviceTrainableNetwork } from "./tfjs-network.ts";
import type { WebGpuBackend } from "./webgpu/lost-device.ts";

export type TfjsDeviceName = Exclude<DeviceName, "wasm">;

/** What opening found. */
interface Opened {
  readonly description: string;
  readonly threads: number;
}

interface Kind {
  readonly backend: TfjsBackend;
  /** Whether its convolutions are known to add up their own products, always. */
  readonly exact: boolean;
  /** Loads what the backend needs. @throws {RepvggError} `E_DEVICE`: it is not there. */
  open(options: DeviceOptions & { readonly gpu?: number | undefined }): Promise<Opened>;
  /** Of one array, where there is such a limit; once the backend is the current one. */
  largestBytes?(): number;
}

/** What tells the tfjs devices apart. */
const KINDS: Record<TfjsDeviceName, Kind> = {
  cuda: {
    backend: "tensorflow",
    exact: false,
    async open({ gpu }) {
      const { loadTensorflow } = await import("./tensorflow/load-tensorflow.ts");
      const version = await loadTensorflow("cuda", { gpu });
      return { description: `${version} on the CUDA GPU${gpu === undefined ? "" : ` number ${gpu}`}`, threads: 1 };
    },
  },
  native: {
    backend: "tensorflow",
    exact: false,
    async open({ threads }) {
      const { loadTensorflow } = await import("./tensorflow/load-tensorflow.ts");
      const { defaultThreads } = await import("./default-threads.ts");
      const count = threads ?? (await defaultThreads());
      const version = await loadTensorflow("native", { threads });
      return { description: `${version} on the CPU, ${count} thread${count === 1 ? "" : "s"}`, threads: count };
    },
  },
  webgpu: {
    backend: "webgpu",
    exact: false,
    async open() {
      const { loadWebGpu } = await import("./webgpu/load-webgpu.ts");
      const { name, software } = await loadWebGpu();
      const warning = software ? "; a software renderer, slower than the CPU used directly" : "";
      return { description: `TensorFlow.js on WebGPU (${name})${warning}`, threads: 1 };
    },
    largestBytes() {
      const { device } = currentBackend() as unknown as WebGpuBackend;
      return Math.min(device.limits.maxBufferSize!, device.limits.maxStorageBufferBindingSize!);
    },
  },
  "tfjs-wasm": {
    backend: "wasm",
    exact: true,
    async open() {
      return { description: "TensorFlow.js in WebAssembly, 1 thread: an independent check", threads: 1 };
    },
  },
  cpu: {
    backend: "cpu",
    exact: true,
    async open() {
      return { description: "TensorFlow.js in plain JavaScript, 1 thread: works everywhere, slowly", threads: 1 };
    },
  },
};

/**
 * A device on a tfjs backend.
 *
 * @throws {RepvggError} `E_DEVICE`: the backend does not start here; `E_UNSUPPORTED`: it cannot promise to be exact.
 */
export async function openTfjsDevice(
  name: TfjsDeviceName,
  options: DeviceOptions & { readonly gpu?: number | undefined } = {},
): Promise<Device> {
  const { backend, exact, open, largestBytes } = KINDS[name];
  if (options.exact && !exact) {
    const why = `The library behind the device "${name}" chooses how it convolves, so it cannot be held to exact sums.`;
    throw new RepvggError("E_UNSUPPORTED", `${why} Use "wasm", "tfjs-wasm" or "cpu".`);
  }
  const { description, threads } = await open(options);
  const limit = await withTfjsBackend(backend, () => largestBytes?.() ?? Number.POSITIVE_INFINITY);

  const dispose = () => {}; // networks own all that is held
  return {
    name,
    description,
    threads,
    async createNetwork({ spec, state, form, imageSize, batchSize = 1 }: NetworkOptions) {
      checkBatchSize(batchSize);
      assertArraysFit({ spec, imageSize, batchSize }, limit);
      const network = await withTfjsBackend(backend, () => createTfjsNetwork({ spec, state, form }));
      return new TfjsDeviceNetwork(network, backend, { imageSize, batchSize });
    },
    async createTrainableNetwork(options: TrainableNetworkOptions) {
      const { spec, state, imageSize, batchSize, freeze = [], checkpointing } = options;
      checkBatchSize(batchSize);
      if (checkpointing) {
        const why = `The device "${name}" keeps all activations of a step: TensorFlow.js has no gradient checkpointing.`;
        throw new RepvggError("E_UNSUPPORTED", `${why} Train on "wasm", or with a smaller batch.`);
      }
      assertArraysFit({ spec, imageSize, batchSize }, limit);
      await loadGradients();
      const network = await withTfjsBackend(backend, () => createTfjsNetwork({ spec, state, form: "train", freeze }));
      return new TfjsDeviceTrainableNetwork(network, backend, { imageSize, batchSize });
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}

function checkBatchSize(batchSize: number): void {
  if (Number.isInteger(batchSize) && batchSize >= 1) return;
  throw new RepvggError("E_USAGE", `batchSize must be a whole number, 1 or more, got ${batchSize}.`);
}
