import { candidates } from "./auto/choose-device.ts";
import type { Candidate } from "./auto/rank-devices.ts";
import type { Device, DeviceName, DeviceOptions } from "./device.ts";
import { deviceName, type NamedDevice } from "./device-name.ts";

/**
 * Opens a device to make networks on.
 *
 *     const device = await openDevice("auto");
 *     const network = await device.createNetwork({ spec, state, form: "deploy", imageSize: [224, 224] });
 *
 * @param name "auto" is the fastest of those that `repvgg devices` measured on this machine; where it measured nothing, "cuda" where
 *   tfjs-node-gpu is linked and works, else "wasm". `choice` of the device says why. "cuda:1" is the second GPU.
 * @throws {RepvggError} `E_DEVICE`: there is no such device, or it does not work here.
 */
export async function openDevice(
  name: DeviceName | "auto" | (string & {}) = "auto",
  options: DeviceOptions = {},
): Promise<Device> {
  const named = deviceName(name);
  if (named.name !== "auto") return open({ ...named, name: named.name }, options);
  return openFirst(await candidates(options), options, []);
}

/** The first one that opens; the last one's error where none does. */
async function openFirst(
  [first, ...others]: readonly Candidate[],
  options: DeviceOptions,
  failures: readonly string[],
): Promise<Device> {
  const { name, why } = first!;
  try {
    const device = await open({ name }, options);
    return { ...device, description: [device.description, ...failures].join("; "), choice: { why, failures } };
  } catch (error) {
    if (others.length === 0) throw error;
    const failure = `${name} was tried first: ${(error as Error).message}`;
    return openFirst(others, options, [...failures, failure]);
  }
}

async function open({ name, gpu }: NamedDevice & { name: DeviceName }, options: DeviceOptions): Promise<Device> {
  if (name === "wasm") {
    const { openWasmDevice } = await import("./wasm-device.ts");
    return openWasmDevice(options);
  }
  const { openTfjsDevice } = await import("./tfjs-device.ts");
  return openTfjsDevice(name, { ...options, gpu });
}
