import { RepvggError } from "@repvgg/core";
import type { Terminal } from "../terminal.ts";
import { compareModels, type Proof, type Runnable, type Tolerances } from "./compare-models.ts";
import { describeFailure, describeProof } from "./describe-proof.ts";
import type { TrainedModel } from "./model.ts";
import { type DeviceChoice, openDeviceOf } from "./open-device.ts";
import { type ProofInputOptions, proofInputs } from "./proof-inputs.ts";

export interface ProofOptions extends ProofInputOptions, Tolerances {}

/**
 * Runs a checkpoint and the network that is to be written for it on the same images.
 *
 * @param refusal What to say if they differ, and which file is then not written.
 * @throws {RepvggError} `E_CHECKPOINT`: their answers differ.
 */
export async function prove(
  model: TrainedModel,
  written: Runnable,
  refusal: { readonly unequal: string; readonly out: string },
  options: ProofOptions & DeviceChoice,
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
      `${refusal.unequal}: ${describeFailure(proof)} ${refusal.out} was not written. A larger --tolerance accepts it.`,
    );
  } finally {
    device.dispose();
  }
}
