import { RepvggError } from "@repvgg/core";
import { loadEngine, startThreads } from "@repvgg/engine";
import { createInferenceNetwork } from "@repvgg/engine/inference";
import { defaultThreads } from "./default-threads.ts";
import type { Device, DeviceOptions, NetworkOptions, TrainableNetworkOptions } from "./device.ts";

/**
 * The device of the WebAssembly engine: runs and trains.
 *
 * @throws {RepvggError} `E_DEVICE`: WebAssembly, its SIMD or shared memory is missing; `E_USAGE`: the number of threads.
 */
export async function openWasmDevice({ threads, exact = false }: DeviceOptions = {}): Promise<Device> {
  const count = threads ?? (await defaultThreads());
  if (!Number.isInteger(count) || count < 1) {
    throw new RepvggError("E_USAGE", `threads must be a whole number, 1 or more, got ${count}.`);
  }
  const started = startThreads(count); // for the first network, whose weights are perhaps still to be read
  const { variant } = await loadEngine().catch((error) => {
    started[Symbol.dispose]();
    throw error;
  });

  const dispose = () => started[Symbol.dispose](); // networks own all else that is held
  return {
    name: "wasm",
    description: `RepVGG's WebAssembly engine (${variant}), ${count} thread${count === 1 ? "" : "s"}${exact ? ", exact" : ""}`,
    threads: count,
    createNetwork: (options: NetworkOptions) => createInferenceNetwork({ ...options, threads: count, exact }),
    async createTrainableNetwork(options: TrainableNetworkOptions) {
      // Only what trains needs tfjs, for the loss.
      const [{ createTrainingNetwork }, { EngineTrainableNetwork }, { loadGradients }] = await Promise.all([
        import("@repvgg/engine/training"),
        import("./engine-network.ts"),
        import("./load-gradients.ts"),
      ]);
      await loadGradients();
      return new EngineTrainableNetwork(await createTrainingNetwork({ ...options, threads: count, exact }), options);
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}
