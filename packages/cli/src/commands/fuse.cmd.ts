import { defineCommand } from "../command.ts";
import { DEVICE_OPTIONS, EMA_OPTION, IMAGE_SIZE_OPTION, PROOF_OPTIONS, SEED_OPTION } from "../common-options.ts";

export const fuse = defineCommand({
  name: "fuse",
  summary: "Write a checkpoint's deploy form and prove that it gives the same answers.",
  example: "repvgg fuse runs/mnist-student/best.safetensors student-deploy.safetensors",
  positionals: [
    { name: "checkpoint", help: "a .safetensors, .pth or .pt file in train form, or a run folder (its best)" },
    { name: "out", help: "the file to write: .safetensors, .pth or .onnx, as its extension says" },
  ],
  options: { ...PROOF_OPTIONS, ...IMAGE_SIZE_OPTION, ...SEED_OPTION, ...EMA_OPTION, ...DEVICE_OPTIONS },
  async run({ args: [checkpoint, out], options, terminal }) {
    const { fuseCheckpoint } = await import("../run/fuse-checkpoint.ts");
    return fuseCheckpoint(checkpoint!, out!, options, terminal);
  },
});
