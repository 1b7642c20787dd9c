import { probeDevice } from "../probe-device.ts";
import { TENSORFLOW_PACKAGES, type TensorflowDevice } from "./load-tensorflow.ts";

/**
 * Loads the linked TensorFlow in a process of its own, and takes a training step there.
 *
 * @throws {RepvggError} `E_DEVICE`: it does not load, or crashes.
 */
export async function checkTensorflow(device: TensorflowDevice): Promise<{ version: string; gpu: boolean }> {
  const found = await probeDevice(device, ["tensorflow", TENSORFLOW_PACKAGES[device]]);
  return found as { version: string; gpu: boolean };
}
