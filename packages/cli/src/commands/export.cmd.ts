import { defineCommand } from "../command.ts";
import { DEVICE_OPTIONS, EMA_OPTION, FORMS, IMAGE_SIZE_OPTION, PROOF_OPTIONS, SEED_OPTION } from "../common-options.ts";

export const exportCheckpoint = defineCommand({
  name: "export",
  summary: "Convert a checkpoint for other programs, and prove that the written file gives the same answers.",
  example: "repvgg export runs/mnist-student/best.safetensors student.onnx",
  positionals: [
    { name: "checkpoint", help: "a .safetensors, .pth or .onnx file, or a run folder (its best)" },
    { name: "out", help: "the file to write: .onnx, .safetensors or .pth; with --format tfjs the folder" },
  ],
  options: {
    format: {
      kind: "choice",
      help: "what to write",
      choices: ["onnx", "safetensors", "pth", "tfjs"],
      defaultText: "from the extension",
    },
    form: {
      kind: "choice",
      help: "three branches a block, or one 3x3 convolution; keep: as the checkpoint is, partly fused or not",
      choices: [...FORMS, "keep"],
      defaultText: "deploy for onnx and tfjs, else keep",
    },
    names: {
      kind: "choice",
      help: "whose names the weights get; timm for timm.models.load_checkpoint",
      choices: ["original", "timm"],
      default: "original",
    },
    imageSize: {
      ...IMAGE_SIZE_OPTION.imageSize,
      help: "height and width of the images, in pixels; an onnx or tfjs model then takes only these",
      defaultText: "what the model says, else 224; an onnx or tfjs model takes any",
    },
    ...PROOF_OPTIONS,
    randomImages: { ...PROOF_OPTIONS.randomImages, default: 4 },
    ...SEED_OPTION,
    ...EMA_OPTION,
    ...DEVICE_OPTIONS,
  },
  async run({ args: [checkpoint, out], options, terminal }) {
    const { exportModel } = await import("../run/export-model.ts");
    return exportModel(checkpoint!, out!, options, terminal);
  },
});
