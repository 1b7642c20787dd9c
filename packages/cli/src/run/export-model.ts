import type { Checkpoint } from "@repvgg/checkpoint";
import { type Form, type Forms, fuseStateLazily, RepvggError } from "@repvgg/core";
import type { CommandResult } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { describeProof } from "./describe-proof.ts";
import { EXPORT_FORMATS, type ExportFormatName, exportFormatOf } from "./export-formats.ts";
import { formText } from "./form-text.ts";
import { assertOtherFile } from "./fuse-checkpoint.ts";
import { loadTrained, type ModelOptions, type TrainedModel } from "./model.ts";
import { grouped } from "./numbers.ts";
import type { DeviceChoice } from "./open-device.ts";
import { type ProofOptions, prove } from "./prove.ts";

export interface ExportOptions extends ProofOptions, DeviceChoice, ModelOptions {
  format?: ExportFormatName | undefined;
  /** `keep`: as the checkpoint is, partly fused or not. */
  form?: Form | "keep" | undefined;
  names: "original" | "timm";
}

/**
 * Writes a checkpoint in another format or form. The network that is written must give the checkpoint's answers to random images,
 * and what is read back must be that network, bit for bit: the file appears only after that.
 *
 * @throws {RepvggError} `E_USAGE`: the format is not known, or the output is the input; `E_CHECKPOINT`: the form cannot be had, the
 *   answers differ, or the file cannot be written.
 */
export async function exportModel(
  path: string,
  out: string,
  options: ExportOptions,
  terminal: Terminal,
): Promise<CommandResult> {
  const name = options.format ?? exportFormatOf(out);
  const format = EXPORT_FORMATS[name];
  if (options.names !== "original" && !format.renames) {
    throw new RepvggError(
      "E_USAGE",
      `--names ${options.names} is for pth and safetensors: ${name} has the original names.`,
    );
  }
  const model = await loadTrained(path, options);
  await assertOtherFile(model.name, out);
  const wanted = options.form ?? format.defaultForm ?? "keep";
  const checkpoint = inForm(model, wanted === "keep" ? model.form : wanted);
  const { sizeBytes, write } = format.prepare(checkpoint, {
    names: options.names,
    ...(options.imageSize && { imageSize: model.imageSize }),
  });
  const unequal = `What would be written does not equal ${model.name}`;
  const proof = await prove(model, checkpoint, { unequal, out }, options, terminal);
  await write(out);
  const { form } = checkpoint;
  const value = { format: name, form, file: out, sizeBytes, ...proof };
  const title = `${model.name} -> ${out}: ${name}, ${formText(form)}, ${grouped(sizeBytes)} bytes; read back and proven equal.`;
  return { value, text: [title, ...describeProof(proof)].join("\n") };
}

/** The checkpoint in that form. @throws {RepvggError} `E_CHECKPOINT`: it is fused, and the train form is wanted. */
function inForm({ name, spec, state, form, checkpoint }: TrainedModel, wanted: Forms): Checkpoint {
  if (form === wanted) return checkpoint;
  if (wanted === "deploy") return { ...checkpoint, form: "deploy", state: fuseStateLazily(spec, state) };
  throw new RepvggError(
    "E_CHECKPOINT",
    `${name} is ${form === "deploy" ? "in deploy form" : "partly fused"}: its branches cannot be had back. Give the checkpoint ` +
      "that it was fused from.",
  );
}
