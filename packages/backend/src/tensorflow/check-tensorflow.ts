import { existsSync } from "node:fs";
import { RepvggError } from "@repvgg/core";
import { probeDevice } from "../probe-device.ts";
import {
  findBinding,
  installCommand,
  linkCommand,
  TENSORFLOW_PACKAGES,
  type TensorflowDevice,
} from "./tensorflow-packages.ts";

/** What the probe prints. */
interface Found {
  readonly version: string;
  readonly gpu: boolean;
}

/**
 * Whether a device of TensorFlow's works: loads it in a process of its own, and computes a gradient there.
 *
 * @param gpu Which GPU, counted from 0. @default TensorFlow's choice
 * @returns Which TensorFlow, for people.
 * @throws {RepvggError} `E_DEVICE`: the package or its TensorFlow is missing, does not load or crashes, or finds no GPU.
 */
export async function checkTensorflow(device: TensorflowDevice, gpu?: number): Promise<string> {
  checkInstalled(device);
  const found = await probe(device, { ...oneDnnEnvironment(), ...gpuEnvironment(gpu) });
  if (device === "native" || found.gpu) return `TensorFlow ${found.version}`;
  throw new RepvggError(
    "E_DEVICE",
    `TensorFlow ${found.version} finds no CUDA GPU${gpu === undefined ? "" : ` number ${gpu}`}. Does nvidia-smi list it, and does the ` +
      `linked TensorFlow bring CUDA? If not: python3 -m pip install "tensorflow[and-cuda]", then ${linkCommand(device)}.`,
  );
}

/**
 * Has TensorFlow convolve by oneDNN, which it does of itself only where the CPU has instructions newer than AVX2. With AVX2 alone its own
 * kernels take 1.5 times as long for a training step, and the gradients of grouped convolutions exist in oneDNN only.
 */
export const oneDnnEnvironment = (): Record<string, string> =>
  process.arch === "x64" ? { TF_ENABLE_ONEDNN_OPTS: process.env.TF_ENABLE_ONEDNN_OPTS ?? "1" } : {};

/** Variables that show a process one GPU, counted as nvidia-smi does: CUDA's own order has the fastest first. */
export const gpuEnvironment = (gpu: number | undefined): Record<string, string> =>
  gpu === undefined ? {} : { CUDA_DEVICE_ORDER: "PCI_BUS_ID", CUDA_VISIBLE_DEVICES: String(gpu) };

async function probe(device: TensorflowDevice, env: Record<string, string>): Promise<Found> {
  try {
    return (await probeDevice(device, ["tensorflow", TENSORFLOW_PACKAGES[device]], env)) as Found;
  } catch (cause) {
    const { message } = cause as Error;
    throw new RepvggError(
      "E_DEVICE",
      `${message} If TensorFlow was moved, removed or upgraded, link it again: ${linkCommand(device)}.`,
      { cause },
    );
  }
}

function checkInstalled(device: TensorflowDevice): void {
  const binding = findBinding(device);
  if (!binding) {
    throw new RepvggError(
      "E_DEVICE",
      `The package ${TENSORFLOW_PACKAGES[device]} is not installed. Run: ${installCommand(device)} && ${linkCommand(device)}.`,
    );
  }
  if (existsSync(binding.addon)) return;
  throw new RepvggError(
    "E_DEVICE",
    `${TENSORFLOW_PACKAGES[device]} is installed and not linked to a TensorFlow. Run: ${linkCommand(device)}.`,
  );
}
