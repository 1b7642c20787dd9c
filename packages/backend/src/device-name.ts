import { nearestName, RepvggError } from "@repvgg/core";
import { DEVICE_NAMES, type DeviceName } from "./device.ts";

/**
 * What a device's name stands for; "auto" is the fastest that trains everywhere: "wasm".
 *
 * @throws {RepvggError} `E_DEVICE`: no device has this name; the message has the nearest.
 */
export function deviceName(name: string): DeviceName {
  if (name === "auto") return "wasm";
  const known = DEVICE_NAMES.find((device) => device === name);
  if (known) return known;
  const names = ["auto", ...DEVICE_NAMES];
  throw new RepvggError(
    "E_DEVICE",
    `There is no device "${name}". Did you mean "${nearestName(name, names)}"? The devices are ${names.join(", ")}.`,
  );
}
