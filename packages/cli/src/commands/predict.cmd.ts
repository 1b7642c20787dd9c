import { defineCommand } from "../command.ts";
import { DEVICE_OPTIONS, EMA_OPTION, IMAGE_SIZE_OPTION, SEED_OPTION } from "../common-options.ts";

export const predict = defineCommand({
  name: "predict",
  summary: "Name the most probable classes of images, or write the logits of a tensor.",
  example: "repvgg predict runs/mnist-student digit.png",
  positionals: [
    { name: "checkpoint", help: "a .safetensors, .pth or .pt file, or a run folder (its best)" },
    { name: "image", help: "image files (JPEG, PNG, WebP, ...), or folders of them", many: true, optional: true },
  ],
  options: {
    topK: { kind: "integer", help: "classes to name for each image", min: 1, default: 5 },
    tensor: { kind: "text", value: "file", help: "instead of images: safetensors with `input` [N, 3, H, W]" },
    logits: { kind: "text", value: "file", help: "where to write `logits` [N, C], of the tensor or of the images" },
    batchSize: { kind: "integer", help: "images of one step", min: 1, max: 65536, default: 64 },
    ...IMAGE_SIZE_OPTION,
    ...SEED_OPTION,
    ...EMA_OPTION,
    ...DEVICE_OPTIONS,
  },
  async run({ args: [checkpoint, ...images], options, terminal }) {
    const isTensor = options.logits !== undefined && images.length === 0;
    if (options.tensor !== undefined || isTensor) {
      const { predictTensor } = await import("../run/predict-tensor.ts");
      return predictTensor(checkpoint!, images, options, terminal);
    }
    const { predictImages } = await import("../run/predict-images.ts");
    return predictImages(checkpoint!, images, options, terminal);
  },
});
