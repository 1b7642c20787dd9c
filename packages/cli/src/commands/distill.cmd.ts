import { defineCommand } from "../command.ts";
import { DISTILL_SETTINGS, RUN_OPTIONS } from "../training-options.ts";

export const distill = defineCommand({
  name: "distill",
  summary: "Train a small network under a teacher and write a run folder.",
  example: "repvgg distill --data mnist --model mnist-student --teacher runs/mnist-teacher --epochs 3",
  positionals: [],
  options: { ...DISTILL_SETTINGS, ...RUN_OPTIONS },
  async run({ given, terminal }) {
    const { runTraining } = await import("../run/run-training.ts");
    return runTraining("distill", given, terminal);
  },
});
