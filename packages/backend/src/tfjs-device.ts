import { RepvggError } from "@repvgg/core";
import { createTfjsNetwork } from "@repvgg/core/nn";
import type { Device, NetworkOptions, TrainableNetworkOptions } from "./device.ts";
import { loadGradients } from "./load-gradients.ts";
import { type TfjsBackend, withTfjsBackend } from "./tfjs-backend.ts";
import { TfjsDeviceNetwork, TfjsDeviceTrainableNetwork } from "./tfjs-network.ts";

/** What tells the tfjs devices apart. */
const KINDS = {
  cpu: {
    backend: "cpu",
    trains: true,
    description: "TensorFlow.js in plain JavaScript, 1 thread: works everywhere, slowly",
  },
  "tfjs-wasm": {
    backend: "wasm",
    trains: false,
    description: "TensorFlow.js in WebAssembly, 1 thread: an independent check; runs networks and does not train",
  },
} as const satisfies Record<string, { backend: TfjsBackend; trains: boolean; description: string }>;

export type TfjsDeviceName = keyof typeof KINDS;

/**
 * A device on a tfjs backend.
 *
 * @throws {RepvggError} `E_DEVICE`: the backend does not start here.
 */
export async function openTfjsDevice(name: TfjsDeviceName): Promise<Device> {
  const { backend, trains, description } = KINDS[name];
  await withTfjsBackend(backend, () => {});

  const dispose = () => {}; // networks own all that is held
  return {
    name,
    description,
    threads: 1,
    trains,
    async createNetwork({ spec, state, form, imageSize, batchSize = 1 }: NetworkOptions) {
      checkBatchSize(batchSize);
      const network = await withTfjsBackend(backend, () => createTfjsNetwork({ spec, state, form }));
      return new TfjsDeviceNetwork(network, backend, { imageSize, batchSize });
    },
    async createTrainableNetwork({ spec, state, imageSize, batchSize, freeze = [] }: TrainableNetworkOptions) {
      if (!trains) {
        throw new RepvggError(
          "E_UNSUPPORTED",
          `The device "${name}" cannot train: its tfjs backend has no gradient of convolutions. Train on "wasm" or "cpu".`,
        );
      }
      checkBatchSize(batchSize);
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
