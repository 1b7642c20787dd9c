import { describe, expect, it } from "vitest";
import { DEVICE_NAMES } from "./device.ts";
import { deviceName } from "./device-name.ts";
import { openDevice } from "./open-device.ts";

describe("deviceName", () => {
  it("knows every device, and what auto is", () => {
    expect(DEVICE_NAMES.map(deviceName)).toEqual([...DEVICE_NAMES]);
    expect(deviceName("auto")).toBe("wasm");
  });

  it("names the nearest device for an unknown one", async () => {
    const error = {
      code: "E_DEVICE",
      message: 'There is no device "wsam". Did you mean "wasm"? The devices are auto, wasm, tfjs-wasm, cpu.',
    };
    expect(() => deviceName("wsam")).toThrow(expect.objectContaining(error));
    await expect(openDevice("wsam")).rejects.toMatchObject(error);
    expect(() => deviceName("cuda")).toThrow(/The devices are/);
  });
});
