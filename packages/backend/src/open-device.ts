import type { Device, DeviceName, DeviceOptions } from "./device.ts";
import { deviceName, type NamedDevice } from "./device-name.ts";

/**
 * Opens a device to make networks on.
 *
 *     const device = await openDevice("auto");
 *     const network = await device.createNetwork({ spec, state, form: "deploy", imageSize: [224, 224] });
 *
 * @param name "auto" is "cuda" where tfjs-node-gpu is linked and works, else "wasm", which was faster than every other CPU device
 *   wherever it was measured. "cuda:1" is the second GPU.
 * @throws {RepvggError} `E_DEVICE`: there is no such device, or it does not work here.
 */
export async function openDevice(
  name: DeviceName | "auto" | (string & {}) = "auto",
  options: DeviceOptions = {},
): Promise<Device> {
  const named = deviceName(name);
  if (named.name !== "auto") return open({ ...named, name: named.name }, options);
  if (!(await isCudaLinked())) return open({ name: "wasm" }, options);
  try {
    return await open({ name: "cuda" }, options);
  } catch (error) {
    const device = await open({ name: "wasm" }, options);
    return { ...device, description: `${device.description}; cuda was tried first: ${(error as Error).message}` };
  }
}

async function isCudaLinked(): Promise<boolean> {
  if (!globalThis.process?.versions?.node) return false;
  const { isLinked } = await import("./tensorflow/tensorflow-packages.ts");
  return isLinked("cuda");
}

async function open({ name, gpu }: NamedDevice & { name: DeviceName }, options: DeviceOptions): Promise<Device> {
  if (name === "wasm") {
    const { openWasmDevice } = await import("./wasm-device.ts");
    return openWasmDevice(options);
  }
  const { openTfjsDevice } = await import("./tfjs-device.ts");
  return openTfjsDevice(name, { ...options, gpu });
}
