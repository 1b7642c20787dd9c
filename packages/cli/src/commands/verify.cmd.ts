import { defineCommand } from "../command.ts";
import { DEVICE_OPTIONS, EMA_OPTION, IMAGE_SIZE_OPTION, PROOF_OPTIONS, SEED_OPTION } from "../common-options.ts";

export const verify = defineCommand({
  name: "verify",
  summary: "Do two checkpoints give the same answers? Ends with 1 when they do not.",
  example: "repvgg verify runs/mnist-student/best.safetensors student-deploy.safetensors",
  positionals: [
    { name: "a", help: "a .safetensors, .pth or .pt file in train or deploy form, or a run folder (its best)" },
    { name: "b", help: "the other one" },
  ],
  options: { ...PROOF_OPTIONS, ...IMAGE_SIZE_OPTION, ...SEED_OPTION, ...EMA_OPTION, ...DEVICE_OPTIONS },
  async run({ args: [a, b], options, terminal }) {
    const { verifyCheckpoints } = await import("../run/verify-checkpoints.ts");
    return verifyCheckpoints(a!, b!, options, terminal);
  },
});
