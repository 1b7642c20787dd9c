import { realpath } from "node:fs/promises";
import { fuseStateLazily, RepvggError } from "@repvgg/core";
import type { CommandResult } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { describeProof } from "./describe-proof.ts";
import { EXPORT_FORMATS, exportFormatOf } from "./export-formats.ts";
import { loadTrained, type ModelOptions } from "./model.ts";
import type { DeviceChoice } from "./open-device.ts";
import { type ProofOptions, prove } from "./prove.ts";

/**
 * Fuses a checkpoint, proves on random images that both forms give the same answers, and only then writes the deploy form, reads it
 * back and gives the file its name. Of a partly fused network, the rest is fused.
 *
 * @throws {RepvggError} `E_USAGE`: the output is the input; `E_CHECKPOINT`: nothing to fuse, or the file cannot be written.
 */
export async function fuseCheckpoint(
  path: string,
  out: string,
  options: ProofOptions & DeviceChoice & ModelOptions,
  terminal: Terminal,
): Promise<CommandResult> {
  const model = await loadTrained(path, options);
  const { spec, state, form, classes, classIds, preprocessing } = model;
  if (form === "deploy") {
    throw new RepvggError("E_CHECKPOINT", `${model.name} is in deploy form already: there is nothing to fuse.`);
  }
  await assertOtherFile(model.name, out);
  const fused = { spec, state: fuseStateLazily(spec, state), form: "deploy" } as const;
  const unequal = `The deploy form of ${model.name} does not equal it`;
  const proof = await prove(model, fused, { unequal, out }, options, terminal);
  const labels = { ...(classes && { classes }), ...(classIds && { classIds }) };
  const written = { ...fused, ...labels, ...(preprocessing && { preprocessing }) };
  await EXPORT_FORMATS[exportFormatOf(out, "safetensors")].prepare(written, {}).write(out);
  return {
    value: proof,
    text: [`${model.name} -> ${out}: read back and proven equal.`, ...describeProof(proof)].join("\n"),
  };
}

/** @throws {RepvggError} `E_USAGE`: the output is the checkpoint that is read. */
export async function assertOtherFile(input: string, out: string): Promise<void> {
  const same = await Promise.all([realpath(input), realpath(out)]).then(
    ([a, b]) => a === b,
    () => false, // The output does not exist yet.
  );
  if (same) throw new RepvggError("E_USAGE", `${out} is the checkpoint itself. Give another file to write.`);
}
