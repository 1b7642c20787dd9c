import { defineCommand } from "../command.ts";
import {
  DATA_IMAGE_SIZE_OPTION,
  DATA_OPTION,
  DEVICE_OPTIONS,
  EMA_OPTION,
  LOADING_OPTIONS,
  SEED_OPTION,
} from "../common-options.ts";

export const val = defineCommand({
  name: "val",
  summary: "Measure a checkpoint's loss and accuracy on a data set.",
  example: "repvgg val runs/mnist-student/best.safetensors --data mnist",
  positionals: [{ name: "checkpoint", help: "a .safetensors, .pth or .pt file, or a run folder (its best)" }],
  options: {
    ...DATA_OPTION,
    split: {
      kind: "text",
      value: "part",
      help: "images to measure on: val, train, test, all; or a share as in training, whose rest is taken",
      default: "val",
    },
    classIndex: {
      kind: "text",
      value: "file",
      help: "the class of each output: imagenet_class_index.json, LOC_synset_mapping.txt, a list, or the training folder",
      defaultText: "what the checkpoint says, else the data set's order",
    },
    batchSize: { kind: "integer", help: "images of one step", min: 1, max: 65536, default: 256 },
    limit: { kind: "integer", help: "only the first images of the split", min: 1, defaultText: "all" },
    printEvery: { kind: "integer", help: "batches between two lines", min: 1, default: 10 },
    perClass: { kind: "flag", help: "also print recall and precision of each class, and the calibration error" },
    both: { kind: "flag", help: "run the train form and its deploy form, and compare their answers to every image" },
    ...DATA_IMAGE_SIZE_OPTION,
    ...LOADING_OPTIONS,
    ...SEED_OPTION,
    ...EMA_OPTION,
    ...DEVICE_OPTIONS,
  },
  async run({ args: [checkpoint], options, terminal }) {
    const { validateCheckpoint } = await import("../run/validate-checkpoint.ts");
    return validateCheckpoint(checkpoint!, options, terminal);
  },
});
