import { defineCommand } from "../command.ts";

export const init = defineCommand({
  name: "init",
  summary: "Write a config file with every setting, commented.",
  example: "repvgg init repvgg.yaml && repvgg train --config repvgg.yaml",
  positionals: [{ name: "file", help: "YAML file to write (default: repvgg.yaml)", optional: true }],
  options: {
    for: {
      kind: "choice",
      help: "the command whose settings it holds",
      choices: ["train", "distill"],
      default: "train",
    },
  },
  async run({ args: [file = "repvgg.yaml"], options }) {
    const { initConfig } = await import("../run/init-config.ts");
    return initConfig(file, options.for);
  },
});
