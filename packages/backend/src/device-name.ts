import { nearestName, RepvggError } from "@repvgg/core";
import { DEVICE_NAMES, type DeviceName } from "./device.ts";

/** What a device's name says: which one, and of several GPUs which. */
export interface NamedDevice {
  readonly name: DeviceName | "auto";
  /** Counted from 0; given with "cuda" only. */
  readonly gpu?: number;
}

/**
 * Reads `wasm`, `cuda`, `cuda:1`, …
 *
 * @throws {RepvggError} `E_DEVICE`: no device has this name; the message has the nearest.
 */
export function deviceName(text: string): NamedDevice {
  const [, name = text, gpu] = /^(cuda):(\d{1,3})$/.exec(text) ?? [];
  const names = ["auto", ...DEVICE_NAMES] as const;
  const known = names.find((device) => device === name);
  if (known) return gpu === undefined ? { name: known } : { name: known, gpu: Number(gpu) };
  throw new RepvggError(
    "E_DEVICE",
    `There is no device "${text}". Did you mean "${nearestName(text, names)}"? The devices are ${names.join(", ")}; of several GPUs, cuda:1 is the second.`,
  );
}
