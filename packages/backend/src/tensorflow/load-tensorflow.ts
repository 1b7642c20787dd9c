import { createRequire } from "node:module";
import util from "node:util";
import { RepvggError } from "@repvgg/core";
import { registerNetworkKernels } from "@repvgg/core/nn";
import { backend, setBackend } from "@tensorflow/tfjs-core";
import { missingPackages } from "../optional-packages.ts";
import { probeDevice } from "../probe-device.ts";
import { tensorflowBatchNorm } from "./tensorflow-batch-norm.ts";
import { tensorflowConvolution } from "./tensorflow-convolution.ts";
import type { TensorflowBackend } from "./tensorflow-ops.ts";
import { tensorflowRelu } from "./tensorflow-relu.ts";

/** The packages that bind TensorFlow; both call their tfjs backend "tensorflow", so a process can load one of them. */
export const TENSORFLOW_PACKAGES = { native: "@tensorflow/tfjs-node", cuda: "@tensorflow/tfjs-node-gpu" } as const;
export type TensorflowDevice = keyof typeof TENSORFLOW_PACKAGES;

export interface LoadOptions {
  /** Threads of each operation; TensorFlow takes them once, when it is loaded. @default all cores */
  readonly threads?: number | undefined;
  /** Which GPU, counted from 0. @default TensorFlow's choice */
  readonly gpu?: number | undefined;
}

let loaded: { readonly device: TensorflowDevice; readonly gpu: number | undefined } | undefined;

/**
 * Loads TensorFlow through tfjs-node (or its GPU package), and registers our kernels for it.
 *
 * @returns What computes, for people.
 * @throws {RepvggError} `E_DEVICE`: the package or its TensorFlow is missing, or another one is loaded in this process.
 */
export async function loadTensorflow(device: TensorflowDevice, { threads, gpu }: LoadOptions = {}): Promise<string> {
  if (loaded && (loaded.device !== device || loaded.gpu !== gpu)) {
    throw new RepvggError(
      "E_DEVICE",
      `This process has loaded TensorFlow for the device "${loaded.device}" and can load it once only. Use another process.`,
    );
  }
  if (!loaded) {
    await checkInstalled(device);
    prepareProcess(threads, gpu);
    await probeDevice(device, ["tensorflow", TENSORFLOW_PACKAGES[device]]);
    createRequire(import.meta.url)(TENSORFLOW_PACKAGES[device]);
    loaded = { device, gpu };
    registerNetworkKernels("tensorflow", {
      convolve: tensorflowConvolution,
      trainBatchNorm: tensorflowBatchNorm,
      relu: tensorflowRelu,
    });
  }
  await setBackend("tensorflow");
  const { binding, isUsingGpuDevice } = backend() as unknown as TensorflowBackend;
  if (device === "cuda" && !isUsingGpuDevice) {
    throw new RepvggError(
      "E_DEVICE",
      `TensorFlow ${binding.TF_Version} finds no CUDA GPU${gpu === undefined ? "" : ` number ${gpu}`}. ` +
        "Does nvidia-smi list it, and does the linked TensorFlow bring CUDA (pip install tensorflow[and-cuda])?",
    );
  }
  return `TensorFlow ${binding.TF_Version}`;
}

/** What must be set before TensorFlow is loaded, and what Node 23 took away from tfjs-node. */
function prepareProcess(threads: number | undefined, gpu: number | undefined): void {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2"; // its information would run into the progress display
  if (threads !== undefined) {
    process.env.TF_NUM_INTRAOP_THREADS = String(threads);
    process.env.TF_NUM_INTEROP_THREADS = "1";
  }
  if (gpu !== undefined) process.env.CUDA_VISIBLE_DEVICES = String(gpu);
  const old = util as unknown as Record<string, unknown>;
  old.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  old.isArray ??= Array.isArray;
}

async function checkInstalled(device: TensorflowDevice): Promise<void> {
  const [name] = await missingPackages(device);
  if (name === undefined) return;
  throw new RepvggError(
    "E_DEVICE",
    `The package ${name} is not installed. Run: npm install --ignore-scripts ${name} node-api-headers, then ` +
      `repvgg devices link-tensorflow${device === "cuda" ? " --gpu" : ""}.`,
  );
}
