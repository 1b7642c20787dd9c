import { explainAuto } from "./auto/choose-device.ts";
import { DEVICE_NAMES, type DeviceName, type DeviceStatus } from "./device.ts";
import { openDevice } from "./open-device.ts";

/** Each device, whether it works here and whether "auto" takes it, and why or why not. TensorFlow is loaded in processes of its own only. */
export async function listDevices(): Promise<DeviceStatus[]> {
  return explainAuto(await Promise.all(DEVICE_NAMES.map(statusOf)));
}

async function statusOf(name: DeviceName): Promise<Omit<DeviceStatus, "auto">> {
  try {
    return { name, available: true, reason: await describe(name) };
  } catch (error) {
    return { name, available: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

async function describe(name: DeviceName): Promise<string> {
  if (name === "cuda" || name === "native") {
    const { checkTensorflow } = await import("./tensorflow/check-tensorflow.ts");
    return `${await checkTensorflow(name)} on the ${name === "cuda" ? "CUDA GPU" : "CPU"}`;
  }
  const device = await openDevice(name);
  device.dispose();
  return name === "wasm" ? `${device.description}: ${await engineReason()}` : device.description;
}

/** Why the engine's variant was chosen. */
async function engineReason(): Promise<string> {
  const { loadEngine } = await import("@repvgg/engine");
  return (await loadEngine()).reason;
}
