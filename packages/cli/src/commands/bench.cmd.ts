import { defineCommand } from "../command.ts";
import { DEVICE_OPTIONS, EMA_OPTION, FORMS, MODEL_OPTIONS, SEED_OPTION } from "../common-options.ts";

export const bench = defineCommand({
  name: "bench",
  summary: "Measure a network's latency on this machine.",
  example: "repvgg bench repvgg-a0 --batch 1 --threads 2",
  positionals: [{ name: "model", help: "a name from `repvgg variants`, a checkpoint, or a run folder" }],
  options: {
    batch: { kind: "integer", help: "images at once", min: 1, max: 65536, default: 1 },
    form: {
      kind: "choice",
      help: "three branches a block, or one 3x3 convolution",
      choices: FORMS,
      defaultText: "deploy, with --train train",
    },
    train: { kind: "flag", help: "measure training steps instead" },
    runs: { kind: "integer", help: "measured runs", min: 1, max: 1000000, default: 30 },
    warmup: { kind: "integer", help: "runs before them", min: 0, max: 1000000, default: 5 },
    seconds: {
      kind: "number",
      help: "stop measuring after that time, with fewer runs than asked for, but one at least",
      min: 0,
      open: "min",
      defaultText: "all runs",
    },
    ...MODEL_OPTIONS,
    ...EMA_OPTION,
    ...SEED_OPTION,
    ...DEVICE_OPTIONS,
  },
  async run({ args: [model], options, terminal }) {
    const { benchModel } = await import("../run/bench-model.ts");
    return benchModel(model!, options, terminal);
  },
});
