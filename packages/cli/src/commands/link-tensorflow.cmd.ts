import { defineCommand } from "../command.ts";

export const linkTensorflow = defineCommand({
  name: "devices link-tensorflow",
  summary: "Link tfjs-node to the TensorFlow that pip installed: makes the device native work, with --gpu cuda.",
  example: "repvgg devices link-tensorflow --from venv/bin/python",
  positionals: [],
  options: {
    from: {
      kind: "text",
      value: "source",
      help: "a Python that has TensorFlow, a folder (site-packages), or a wheel",
      default: "python3",
    },
    gpu: { kind: "flag", help: "link tfjs-node-gpu, for the device cuda, rather than tfjs-node" },
    check: { kind: "flag", help: "link nothing: take a training step with what is linked, in a process of its own" },
  },
  async run({ options, terminal }) {
    const { linkTensorflow } = await import("../run/link-tensorflow.ts");
    return linkTensorflow(options, terminal);
  },
});
