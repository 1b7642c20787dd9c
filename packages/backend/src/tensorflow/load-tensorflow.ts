import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import util from "node:util";
import { RepvggError } from "@repvgg/core";
import { registerNetworkKernels } from "@repvgg/core/nn";
import { setBackend } from "@tensorflow/tfjs-core";
import { checkTensorflow, gpuEnvironment, oneDnnEnvironment } from "./check-tensorflow.ts";
import { tensorflowBatchNorm } from "./tensorflow-batch-norm.ts";
import { registerTensorflowConvolution, tensorflowConvolution } from "./tensorflow-convolution.ts";
import { tensorflowAdamW, tensorflowSgd } from "./tensorflow-optimizers.ts";
import { findBinding, TENSORFLOW_PACKAGES, type TensorflowDevice } from "./tensorflow-packages.ts";
import { tensorflowRelu } from "./tensorflow-relu.ts";

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
 * @throws {RepvggError} `E_DEVICE`: as {@link checkTensorflow}, or another one is loaded in this process.
 */
export async function loadTensorflow(device: TensorflowDevice, { threads, gpu }: LoadOptions = {}): Promise<string> {
  if (loaded && (loaded.device !== device || loaded.gpu !== gpu)) {
    throw new RepvggError(
      "E_DEVICE",
      `This process has loaded TensorFlow for the device "${loaded.device}" and can load it once only. Use another process.`,
    );
  }
  const description = await checkTensorflow(device, gpu);
  if (!loaded) {
    prepareProcess(threads, gpu);
    requireQuietly(device);
    loaded = { device, gpu };
    registerTensorflowConvolution();
    registerNetworkKernels("tensorflow", {
      convolve: tensorflowConvolution,
      trainBatchNorm: tensorflowBatchNorm,
      relu: tensorflowRelu,
      ...(device === "native" && { sgd: tensorflowSgd, adamw: tensorflowAdamW }),
    });
  }
  await setBackend("tensorflow");
  return description;
}

/** Without what TensorFlow's libraries write to stderr meanwhile. */
function requireQuietly(device: TensorflowDevice): void {
  const require = createRequire(import.meta.url);
  const { stderr } = findBinding(device)!;
  const output = existsSync(stderr) ? (require(stderr) as { mute(): void; restore(): void }) : undefined;
  output?.mute();
  try {
    require(TENSORFLOW_PACKAGES[device]);
  } finally {
    output?.restore();
  }
}

/** What must be set before TensorFlow is loaded, and what Node 23 took away from tfjs-node. */
function prepareProcess(threads: number | undefined, gpu: number | undefined): void {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2"; // errors only: all else would run into the progress display
  if (threads !== undefined) {
    process.env.TF_NUM_INTRAOP_THREADS = String(threads);
    process.env.TF_NUM_INTEROP_THREADS = "1";
  }
  Object.assign(process.env, oneDnnEnvironment(), gpuEnvironment(gpu));
  const old = util as unknown as Record<string, unknown>;
  old.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  old.isArray ??= Array.isArray;
}
