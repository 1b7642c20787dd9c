import { DEVICE_NAMES, type DeviceName, type DeviceStatus } from "./device.ts";
import { openDevice } from "./open-device.ts";

/** Each device, whether it works here, and why or why not. */
export function listDevices(): Promise<DeviceStatus[]> {
  return Promise.all(DEVICE_NAMES.map(statusOf));
}

async function statusOf(name: DeviceName): Promise<DeviceStatus> {
  try {
    const device = await openDevice(name);
    const reason = name === "wasm" ? `${device.description}: ${await engineReason()}` : device.description;
    device.dispose();
    return { name, available: true, reason };
  } catch (error) {
    return { name, available: false, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** Why the engine's variant was chosen. */
async function engineReason(): Promise<string> {
  const { loadEngine } = await import("@repvgg/engine");
  return (await loadEngine()).reason;
}
