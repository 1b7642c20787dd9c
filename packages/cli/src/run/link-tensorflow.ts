import type { CommandResult } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { measureStep } from "./measure-step.ts";

/** Small, and with every kind of layer. */
const STEP = { model: "repvgg-a0", batch: 2, imageSize: 64 };

/** Links a package of tfjs-node's to TensorFlow; then, or with `check` only, takes a training step with it. */
export async function linkTensorflow(
  { from, gpu, check }: { from: string; gpu: boolean; check: boolean },
  terminal: Terminal,
): Promise<CommandResult> {
  const device = gpu ? "cuda" : "native";
  const linked = check ? undefined : await link(device, from, terminal);
  const stepMs = await measureStep(device, STEP);
  const lines = [
    ...(linked ? [`Linked ${linked.description}, in ${linked.folder}.`] : []),
    `The device "${device}" works: a training step ran. Use it with --device ${device}.`,
  ];
  return { value: { device, ...linked, stepMs }, text: lines.join("\n") };
}

async function link(device: "cuda" | "native", from: string, terminal: Terminal) {
  const { linkTensorflow } = await import("@repvgg/backend/node");
  terminal.note("Building the addon; this takes some seconds.");
  return linkTensorflow({ device, from });
}
