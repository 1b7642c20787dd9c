import { defineCommand } from "../command.ts";
import { DEVICE_OPTIONS } from "../common-options.ts";

export const doctor = defineCommand({
  name: "doctor",
  summary: "Tell what this machine offers, and why each device can or cannot be used.",
  example: "repvgg doctor",
  positionals: [],
  options: { noWide: DEVICE_OPTIONS.noWide },
  async run({ options, terminal }) {
    const { examine } = await import("../run/examine.ts");
    return examine(options, terminal);
  },
});
