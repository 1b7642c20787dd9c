import { readFile } from "node:fs/promises";
import type { Checkpoint } from "@repvgg/checkpoint";
import { readTfjsFolder, writeFileAtomically, writeTfjsFolder } from "@repvgg/checkpoint/node";
import { type Form, fuseState, RepvggError } from "@repvgg/core";
import type { CommandResult } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { compareModels, type Proof } from "./compare-models.ts";
import { describeFailure, describeProof } from "./describe-proof.ts";
import { EXPORT_FORMATS, type ExportFormatName, exportFormatOf, type Written } from "./export-formats.ts";
import { assertOtherFile, type ProofOptions } from "./fuse-checkpoint.ts";
import { loadTrained, type ModelOptions, type TrainedModel } from "./model.ts";
import { grouped } from "./numbers.ts";
import { type DeviceChoice, openDeviceOf } from "./open-device.ts";
import { proofInputs } from "./proof-inputs.ts";

export interface ExportOptions extends ProofOptions, DeviceChoice, ModelOptions {
  format?: ExportFormatName | undefined;
  form?: Form | undefined;
  names: "original" | "timm";
}

/**
 * Writes a checkpoint in another format or form. What was written is read again and must give the checkpoint's answers to random
 * images: the file appears only after that.
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
  const checkpoint = inForm(model, options.form ?? format.defaultForm ?? model.form);
  const bytes = format.serialize(checkpoint, {
    names: options.names,
    ...(options.imageSize && { imageSize: model.imageSize }),
  });
  const proof = await prove(model, format.parse(bytes, out), out, options, terminal);
  await write(out, bytes);
  const sizeBytes = bytes instanceof Uint8Array ? bytes.length : sum([...bytes.values()].map(({ length }) => length));
  const { form } = checkpoint;
  const value = { format: name, form, file: out, sizeBytes, ...proof };
  const title = `${model.name} -> ${out}: ${name}, ${form} form, ${grouped(sizeBytes)} bytes; read back and proven equal.`;
  return { value, text: [title, ...describeProof(proof)].join("\n") };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);

/** @throws {RepvggError} `E_CHECKPOINT`: it cannot be written, or what is read again is something else. */
async function write(out: string, written: Written): Promise<void> {
  if (written instanceof Uint8Array) await writeFileAtomically(out, written);
  else await writeTfjsFolder(out, written);
  const files = written instanceof Uint8Array ? new Map([[out, written]]) : written;
  const found = written instanceof Uint8Array ? new Map([[out, await readFile(out)]]) : await readTfjsFolder(out);
  for (const [name, bytes] of files) {
    if (found.has(name) && Buffer.compare(found.get(name)!, bytes) === 0) continue;
    throw new RepvggError("E_CHECKPOINT", `${out} does not hold what was written to it: the disk may be failing.`);
  }
}

/** The checkpoint in that form. @throws {RepvggError} `E_CHECKPOINT`: it is fused, and the train form is wanted. */
function inForm({ name, spec, state, form, checkpoint }: TrainedModel, wanted: Form): Checkpoint {
  if (form === wanted) return checkpoint;
  if (wanted === "deploy") return { ...checkpoint, form: "deploy", state: fuseState(spec, state) };
  throw new RepvggError(
    "E_CHECKPOINT",
    `${name} is in deploy form: its branches cannot be had back. Give the checkpoint that it was fused from.`,
  );
}

async function prove(
  model: TrainedModel,
  written: Checkpoint,
  out: string,
  options: ExportOptions,
  terminal: Terminal,
): Promise<Proof> {
  const device = await openDeviceOf(options, terminal);
  try {
    const inputs = await proofInputs(model, model.imageSize, options, terminal);
    const proof = await compareModels(device, model, written, inputs, options);
    if (proof.equal) return proof;
    terminal.note(describeProof(proof).join("\n"));
    throw new RepvggError(
      "E_CHECKPOINT",
      `What would be written does not equal ${model.name}: ${describeFailure(proof)} ${out} was not written. ` +
        "A larger --tolerance accepts it.",
    );
  } finally {
    device.dispose();
  }
}
