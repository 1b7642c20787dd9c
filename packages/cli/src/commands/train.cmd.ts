import { defineCommand } from "../command.ts";
import { RUN_OPTIONS, TRAIN_SETTINGS } from "../training-options.ts";

export const train = defineCommand({
  name: "train",
  summary: "Train a network and write a run folder.",
  example: "repvgg train --data mnist --model mnist-student --epochs 3 --limit 10000",
  positionals: [],
  options: { ...TRAIN_SETTINGS, ...RUN_OPTIONS },
  async run({ given, terminal }) {
    const { runTraining } = await import("../run/run-training.ts");
    return runTraining("train", given, terminal);
  },
});
