import { defineCommand } from "../command.ts";
import { FIND_LR_SETTINGS } from "../training-options.ts";

export const findLr = defineCommand({
  name: "find-lr",
  summary: "Draw the loss over a rising learning rate, and suggest one: the LR range test. Keeps nothing.",
  example: "repvgg find-lr --data mnist --model mnist-student --html lr.html",
  positionals: [],
  options: {
    ...FIND_LR_SETTINGS,
    from: { kind: "number", help: "the first learning rate", min: 0, open: "min", default: 1e-5 },
    to: { kind: "number", help: "the last learning rate", min: 0, open: "min", default: 10 },
    steps: { kind: "integer", help: "steps from the first to the last", min: 20, max: 100000, default: 100 },
    html: { kind: "text", value: "file", help: "write a page with the curve" },
  },
  async run({ given, options, terminal }) {
    const { findLearningRate } = await import("../run/find-learning-rate.ts");
    return findLearningRate(given, options, terminal);
  },
});
