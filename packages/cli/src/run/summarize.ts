import { type Form, layerPlan, profile, sizeOf, variantOf } from "@repvgg/core";
import type { CommandResult } from "../command.ts";
import { formText } from "./form-text.ts";
import { loadModel, type ModelOptions } from "./model.ts";
import { grouped, scaled } from "./numbers.ts";

const MEGABYTE = 2 ** 20;
const FLOAT_BYTES = 4;
const RULE = "=".repeat(96);
const THIN_RULE = "-".repeat(96);

/** A layer table as torchsummary shows it, with the multiplications, totals and memory. */
export async function summarize(
  model: string,
  options: ModelOptions & { form?: Form | undefined },
): Promise<CommandResult> {
  const { name, spec, imageSize, form: ownForm, checkpoint } = await loadModel(model, options);
  const form = options.form ?? ownForm;
  const plan = layerPlan(spec, imageSize);
  const costs = profile(plan, form);
  const layers = costs.layers.map((layer) => ({ ...layer, outputShape: channelsFirst(layer.outputShape) }));
  const variant = variantOf(spec)?.name ?? null;
  const value = { name, variant, form, imageSize, inputChannels: spec.inputChannels, ...costs, layers };

  const row = (layer: string, shape: string, params: string, macs: string) =>
    layer.padStart(40) + shape.padStart(22) + params.padStart(15) + macs.padStart(19);
  const shapeText = (shape: readonly number[]) => `[-1, ${shape.join(", ")}]`;
  const rows = layers.map(({ name, type, outputShape, params, macs }) =>
    row(`${name} (${type})`, shapeText(outputShape), grouped(params), grouped(macs)),
  );
  const megabytes = (floats: number) => ((floats * FLOAT_BYTES) / MEGABYTE).toFixed(2);
  const inputs = spec.inputChannels * imageSize[0] * imageSize[1];
  const outputs = layers.reduce((sum, { outputShape }) => sum + sizeOf(outputShape), 0);
  const text = [
    `${name}${variant === null || variant === name ? "" : ` (${displayName(variant)})`}, ${formText(form)}, ${spec.inputChannels} x ${imageSize[0]} x ${imageSize[1]} images`,
    THIN_RULE,
    row("Layer (type)", "Output Shape", "Param #", "MACs"),
    RULE,
    ...rows,
    RULE,
    `Total params: ${grouped(costs.params)}`,
    `Trainable params: ${grouped(costs.params)}`,
    "Non-trainable params: 0",
    `Total MACs: ${grouped(costs.macs)} (${scaled(costs.macs)})`,
    `Winograd multiplications, F(2x2, 3x3): ${grouped(costs.winogradMultiplications)} (${scaled(costs.winogradMultiplications)})`,
    THIN_RULE,
    `Input size (MB): ${megabytes(inputs)}`,
    `Outputs of all layers (MB): ${megabytes(outputs)}`,
    `Params size (MB): ${megabytes(costs.params)}`,
    `Estimated Total Size (MB): ${megabytes(inputs + outputs + costs.params)}`,
    THIN_RULE,
    ...leftOut(checkpoint?.ignored),
  ];
  return { value, text: text.join("\n") };
}

/** What of a checkpoint's file is not part of its network. */
function leftOut(ignored: readonly string[] = []): string[] {
  if (ignored.length === 0) return [];
  return [`Ignored: ${ignored.length} entries of auxiliary classifiers, which a fused network does not use`];
}

/** `repvgg-b1g4` → `RepVGG-B1g4`, as the paper writes it. */
function displayName(variant: string): string {
  return variant.replace(/^repvgg-(\w)/, (_, first: string) => `RepVGG-${first.toUpperCase()}`);
}

/** `[H, W, C]` → `[C, H, W]`, the order of PyTorch's users and of our files. */
function channelsFirst(shape: readonly number[]): readonly number[] {
  return shape.length === 3 ? [shape[2]!, shape[0]!, shape[1]!] : shape;
}
