import { defineCommand } from "../command.ts";
import { DISTILL_SETTINGS, RUN_OPTIONS, TRAIN_SETTINGS } from "../training-options.ts";

export const sweep = defineCommand({
  name: "sweep",
  summary: "Train once for each combination of settings, one after the other, and rank them in a table.",
  example: "repvgg sweep --data mnist --model mnist-student --epochs 2 --grid lr=0.05,0.1 --grid momentum=0.8,0.9",
  positionals: [{ name: "command", help: "what each trial runs: train (the default) or distill", optional: true }],
  options: {
    grid: {
      kind: "list",
      value: "settings",
      help: "all values of an option, as lr=0.05,0.1; with ; between values that have commas: 'milestones=1,2;2,3'",
    },
    random: {
      kind: "integer",
      help: "so many different trials, drawn from the values of --grid and --range; --seed decides which",
      min: 1,
      max: 1000,
      defaultText: "every combination of --grid",
    },
    range: {
      kind: "list",
      value: "settings",
      help: "with --random: from where to where, as momentum=0.8:0.99, or evenly in the logarithm, as lr=0.001:0.5:log",
    },
    out: { ...RUN_OPTIONS.out, help: "folder of all trials; the next free number is added", defaultText: "runs/sweep" },
    resume: {
      kind: "text",
      value: "sweep",
      help: "go on with a stopped sweep; its trials that failed are tried again",
    },
    dryRun: { kind: "flag", help: "print the settings of each trial; train and write nothing" },
    config: RUN_OPTIONS.config,
    ...TRAIN_SETTINGS,
    ...DISTILL_SETTINGS,
  },
  async run({ args, given, terminal }) {
    const { runSweep } = await import("../sweep/run-sweep.ts");
    return runSweep(args[0], given, terminal);
  },
});
