import { defineCommand } from "../command.ts";
import { DEVICE_OPTIONS } from "../common-options.ts";

export const devices = defineCommand({
  name: "devices",
  summary: "List the devices: which work here, why the others do not, and how long a training step takes on each.",
  example: "repvgg devices --image-size 64 --batch 32",
  positionals: [],
  options: {
    model: { kind: "text", value: "name", help: "network whose training step is measured", default: "repvgg-a0" },
    batch: { kind: "integer", help: "images of a step", min: 1, max: 65536, default: 4 },
    imageSize: { kind: "integer", help: "height and width of the images, in pixels", min: 1, max: 16384, default: 32 },
    threads: DEVICE_OPTIONS.threads,
    noWide: DEVICE_OPTIONS.noWide,
    noMeasure: { kind: "flag", help: "measure nothing, only say what works" },
  },
  async run({ options, terminal }) {
    const { showDevices } = await import("../run/show-devices.ts");
    return showDevices(options, terminal);
  },
});
