import { RepvggError } from "@repvgg/core";
import type { CommandResult } from "../command.ts";
import { EXIT } from "../exit.ts";
import type { Terminal } from "../terminal.ts";
import { compareModels } from "./compare-models.ts";
import { describeFailure, describeProof } from "./describe-proof.ts";
import { loadTrained, type ModelOptions, restrided, type TrainedModel } from "./model.ts";
import { type DeviceChoice, openDeviceOf } from "./open-device.ts";
import { proofInputs } from "./proof-inputs.ts";
import type { ProofOptions } from "./prove.ts";

/** Whether two checkpoints give the same answers to random images. */
export async function verifyCheckpoints(
  pathA: string,
  pathB: string,
  options: ProofOptions & DeviceChoice & ModelOptions,
  terminal: Terminal,
): Promise<CommandResult> {
  const [a, b] = withStatedStrides(...(await loadBoth(pathA, pathB, options, terminal)));
  assertComparable(a, b);
  const device = await openDeviceOf(options, terminal);
  try {
    const { imageSize, preprocessing } = a.preprocessing ? a : b;
    const inputs = await proofInputs({ ...a, preprocessing }, imageSize, options, terminal);
    const proof = await compareModels(device, a, b, inputs, options);
    const verdict = proof.equal ? "give the same answers." : `do not give the same answers: ${describeFailure(proof)}`;
    return {
      value: proof,
      text: [`${a.name} and ${b.name} ${verdict}`, ...describeProof(proof)].join("\n"),
      exitCode: proof.equal ? EXIT.success : EXIT.failure,
    };
  } finally {
    device.dispose();
  }
}

/**
 * The average of the weights may have been kept by one of the two only, as it is when it was exported: each file gives what it has.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: a file cannot be used, or the average is asked for and neither has one.
 */
async function loadBoth(
  pathA: string,
  pathB: string,
  { emaWeights, ...options }: ModelOptions,
  terminal: Terminal,
): Promise<[TrainedModel, TrainedModel]> {
  const load = (path: string) => loadTrained(path, { ...options, emaWeights: emaWeights && "if any" });
  const models: [TrainedModel, TrainedModel] = [await load(pathA), await load(pathB)];
  if (!emaWeights) return models;
  const [a, b] = models;
  if (!a.checkpoint.averaged && !b.checkpoint.averaged) {
    throw new RepvggError(
      "E_CHECKPOINT",
      `Neither ${a.name} nor ${b.name} has averaged weights. Leave --ema-weights out.`,
    );
  }
  for (const { name, checkpoint } of models) {
    terminal.note(
      `${name}: ${checkpoint.averaged ? "its averaged weights" : "its weights, as it has no averaged ones"}.`,
    );
  }
  return models;
}

/** Strides do not show in a file of PyTorch's: they are those that the other file states, where it does. */
function withStatedStrides(a: TrainedModel, b: TrainedModel): [TrainedModel, TrainedModel] {
  if (a.checkpoint.ownSpec === b.checkpoint.ownSpec) return [a, b];
  try {
    return a.checkpoint.ownSpec ? [a, restrided(b, a.spec.strides)] : [restrided(a, b.spec.strides), b];
  } catch (cause) {
    if (cause instanceof RepvggError && cause.code === "E_STATE") return [a, b]; // Two networks: the answers will tell.
    throw cause;
  }
}

/** @throws {RepvggError} `E_CHECKPOINT`: the two take other images or know other numbers of classes. */
function assertComparable(a: TrainedModel, b: TrainedModel): void {
  const check = (what: string, ofA: unknown, ofB: unknown) => {
    if (String(ofA) === String(ofB)) return;
    throw new RepvggError(
      "E_CHECKPOINT",
      `${a.name} has ${ofA} ${what}, ${b.name} has ${ofB}: their answers cannot be compared.`,
    );
  };
  check("classes", a.spec.numClasses, b.spec.numClasses);
  check("input channels", a.spec.inputChannels, b.spec.inputChannels);
  if (a.preprocessing && b.preprocessing) check("pixels (height, width)", a.imageSize, b.imageSize);
}
