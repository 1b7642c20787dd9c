import { defineCommand } from "../command.ts";
import { AUGMENTATION_OPTIONS, IMAGE_SIZE_OPTION, SEED_OPTION, SPLIT_OPTION } from "../common-options.ts";

export const dataInspect = defineCommand({
  name: "data inspect",
  summary: "Say what kind of data set it is, and what is wrong with it: broken files, leaks, classes that differ.",
  example: "repvgg data inspect tiny-imagenet-200 --html tiny-imagenet.html",
  positionals: [{ name: "data", help: "a folder or file, as --data of train takes, or `mnist`" }],
  options: {
    ...SPLIT_OPTION,
    decode: {
      kind: "flag",
      help: "decode every image too, and look for similar ones in training and validation; slow",
    },
    quarantine: {
      kind: "text",
      value: "folder",
      help: "move broken files there, under their own paths",
      defaultText: "they stay",
    },
    strict: { kind: "flag", help: "exit code 1 when there are errors that --quarantine did not move; for scripts" },
    html: { kind: "text", value: "file", help: "write a page with the findings and samples of each class" },
    samples: { kind: "integer", help: "with --html: images of each class", min: 1, max: 100, default: 6 },
    ...AUGMENTATION_OPTIONS,
    imageSize: {
      ...IMAGE_SIZE_OPTION.imageSize,
      help: "with --augment: what the network is given",
      defaultText: "224",
    },
    ...SEED_OPTION,
  },
  async run({ args: [data], options, terminal }) {
    const { inspectData } = await import("../run/inspect-data.ts");
    return inspectData(data!, options, terminal);
  },
});
