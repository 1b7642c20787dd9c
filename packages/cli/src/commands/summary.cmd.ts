import { defineCommand } from "../command.ts";
import { EMA_OPTION, FORMS, MODEL_OPTIONS } from "../common-options.ts";

export const summary = defineCommand({
  name: "summary",
  summary: "Print a network's layers with their output shapes, parameters and costs.",
  example: "repvgg summary repvgg-a0 --form deploy --image-size 224",
  positionals: [{ name: "model", help: "a name from `repvgg variants`, a checkpoint, or a run folder" }],
  options: {
    form: {
      kind: "choice",
      help: "three branches a block, or one 3x3 convolution",
      choices: FORMS,
      defaultText: "the checkpoint's, train for a name",
    },
    ...MODEL_OPTIONS,
    ...EMA_OPTION,
  },
  async run({ args: [model], options }) {
    const { summarize } = await import("../run/summarize.ts");
    return summarize(model!, options);
  },
});
