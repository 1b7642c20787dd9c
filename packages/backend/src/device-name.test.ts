import { describe, expect, it } from "vitest";
import { DEVICE_NAMES } from "./device.ts";
import { deviceName } from "./device-name.ts";
import { openDevice } from "./open-device.ts";

describe("deviceName", () => {
  it("knows every device, and which of several GPUs", () => {
    for (const name of ["auto", ...DEVICE_NAMES]) expect(deviceName(name)).toEqual({ name });
    expect(deviceName("cuda:1")).toEqual({ name: "cuda", gpu: 1 });
  });

  it("names the nearest device for an unknown one", async () => {
    const error = {
      code: "E_DEVICE",
      message:
        'There is no device "wsam". Did you mean "wasm"? The devices are auto, cuda, native, webgpu, wasm, tfjs-wasm, cpu; of several GPUs, cuda:1 is the second.',
    };
    expect(() => deviceName("wsam")).toThrow(expect.objectContaining(error));
    await expect(openDevice("wsam")).rejects.toMatchObject(error);
    for (const name of ["cuda:", "cuda:x", "wasm:1"]) expect(() => deviceName(name)).toThrow(/The devices are/);
  });
});
