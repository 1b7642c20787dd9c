import { RepvggError } from "./errors.ts";
import { blockNames, formOf } from "./form-of.ts";
import { blockName } from "./layer-plan.ts";
import type { NdArray } from "./nd-array.ts";
import { defineSpec, type RepVggSpec, SPEC_DEFAULTS } from "./spec.ts";
import { stateValue } from "./state-dict.ts";

const BASE_CHANNELS = [64, 128, 256, 512] as const;
const STAGES = [1, 2, 3, 4] as const;

/**
 * The spec of a state without metadata, from its names and shapes.
 *
 * What shapes do not tell is taken from `hints`, else from {@link SPEC_DEFAULTS}: the strides, but where a
 * first block has an identity branch, which tells stride 1; and the groups of the stem, taken as 1.
 *
 * @param hints Fields that are known otherwise; they win.
 * @throws {RepvggError} `E_STATE`: a stage or entry is missing, or the channels are not those of a RepVGG.
 */
export function specOf(state: ReadonlyMap<string, NdArray>, hints: Partial<RepVggSpec> = {}): RepVggSpec {
  formOf(state); // refuses what is not a RepVGG
  const names = blockNames(state);
  const auxiliaryHeads = names.some((name) => name.includes(".blocks."));
  const inStage = (stage: number) => names.filter((name) => Number(name[5]) === stage);
  const perStage = <T>(f: (stage: number) => T) => STAGES.map(f) as [T, T, T, T];

  const numBlocks = perStage((stage) => inStage(stage).length);
  STAGES.forEach((stage) => {
    const count = numBlocks[stage - 1]!;
    const expected = Array.from({ length: count }, (_, b) => blockName(stage, b, count, auxiliaryHeads));
    if (expected.length === 0 || inStage(stage).some((name, b) => name !== expected[b])) {
      throw new RepvggError("E_STATE", `Stage ${stage} has no blocks, or not all that its numbering asks for.`);
    }
  });
  const channels = (name: string) => blockKernel(state, name).shape[3]!;
  const firstOf = (stage: number) => inStage(stage)[0]!;
  const stem = channels("stage0");
  const widthMultiplier = perStage((stage) => channels(firstOf(stage)) / BASE_CHANNELS[stage - 1]!);
  const first = channels(firstOf(1));
  if (stem !== Math.min(64, first)) {
    throw new RepvggError(
      "E_STATE",
      `The stem has ${stem} channels; a RepVGG with ${first} in stage 1 has ${Math.min(64, first)}.`,
    );
  }
  const groups: Record<number, number> = {};
  let inChannels = stem;
  names.slice(1).forEach((name, i) => {
    const [, , perGroup, out] = blockKernel(state, name).shape as [number, number, number, number];
    if (inChannels % perGroup !== 0) {
      throw new RepvggError("E_STATE", `Block ${name} takes ${perGroup} channels a group, but ${inChannels} reach it.`);
    }
    if (perGroup !== inChannels) groups[i + 1] = inChannels / perGroup;
    inChannels = out;
  });
  return defineSpec({
    numBlocks,
    widthMultiplier,
    groups,
    squeezeExcitation: squeezeOf(state),
    auxiliaryHeads,
    strides: stridesOf(state, STAGES.map(firstOf)),
    inputChannels: blockKernel(state, "stage0").shape[2]!,
    numClasses: stateValue(state, "linear.weight").shape[1]!,
    ...hints,
  });
}

function blockKernel(state: ReadonlyMap<string, NdArray>, name: string): NdArray {
  const kernel = state.get(`${name}.rbr_dense.conv.weight`) ?? stateValue(state, `${name}.rbr_reparam.weight`);
  if (kernel.shape.length !== 4) {
    throw new RepvggError("E_STATE", `The kernel of ${name} must have 4 dimensions, got [${kernel.shape.join(", ")}].`);
  }
  return kernel;
}

function squeezeOf(state: ReadonlyMap<string, NdArray>): RepVggSpec["squeezeExcitation"] {
  if (state.has("stage0.se.down.weight")) return "before-relu";
  return state.has("stage0.post_se.down.weight") ? "after-relu" : "none";
}

/** @param firsts Names of the first blocks of stages 1 to 4. */
function stridesOf(state: ReadonlyMap<string, NdArray>, firsts: readonly string[]): RepVggSpec["strides"] {
  const known = ["stage0", ...firsts].map((name, i) =>
    state.has(`${name}.rbr_identity.weight`) ? 1 : SPEC_DEFAULTS.strides[i]!,
  );
  return known as unknown as RepVggSpec["strides"];
}
