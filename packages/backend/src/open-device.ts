import type { Device, DeviceName, DeviceOptions } from "./device.ts";
import { deviceName } from "./device-name.ts";

/**
 * Opens a device to make networks on.
 *
 *     const device = await openDevice("auto");
 *     const network = await device.createNetwork({ spec, state, form: "deploy", imageSize: [224, 224] });
 *
 * @param name "auto" stands for "wasm".
 * @throws {RepvggError} `E_DEVICE`: there is no such device, or it does not work here.
 */
export async function openDevice(
  name: DeviceName | "auto" | (string & {}) = "auto",
  options: DeviceOptions = {},
): Promise<Device> {
  const device = deviceName(name);
  if (device === "wasm") {
    const { openWasmDevice } = await import("./wasm-device.ts");
    return openWasmDevice(options);
  }
  const { openTfjsDevice } = await import("./tfjs-device.ts");
  return openTfjsDevice(device);
}
