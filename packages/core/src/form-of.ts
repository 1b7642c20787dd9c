import { RepvggError } from "./errors.ts";
import type { NdArray } from "./nd-array.ts";
import { type Form, type Forms, joinedForms } from "./spec.ts";

/** A block's name, see `blockName`: its stage, the half of RepVGGplus's stage 3, and its number. */
const BLOCK = /^(?:stage0|stage([1-4])(?:_(first|second))?\.(?:blocks\.)?(\d+))(?=\.)/;

/** Names of the blocks that a state has entries of, in the network's order. */
export function blockNames(state: ReadonlyMap<string, NdArray>): string[] {
  const orders = new Map<string, number>();
  for (const key of state.keys()) {
    const [name, stage = 0, half, index = 0] = BLOCK.exec(key) ?? [];
    if (name) orders.set(name, Number(stage) * 1e6 + (half === "second" ? 5e5 : 0) + Number(index));
  }
  return [...orders.keys()].sort((a, b) => orders.get(a)! - orders.get(b)!);
}

/**
 * The form that a state is in: one for all blocks, or a list of each block's where the network is partly fused.
 *
 * @throws {RepvggError} `E_STATE`: there is no RepVGG block in it, or a block has no convolution or those of both forms.
 */
export function formOf(state: ReadonlyMap<string, NdArray>): Forms {
  const names = blockNames(state);
  if (names.length === 0) {
    const first = state.keys().next().value;
    throw new RepvggError(
      "E_STATE",
      `The state has no RepVGG block (stage0.…, stage1.0.…)${first ? `; its first entry is ${first}` : ": it is empty"}.`,
    );
  }
  const forms = names.map((name): Form => {
    const train = state.has(`${name}.rbr_dense.conv.weight`);
    const deploy = state.has(`${name}.rbr_reparam.weight`);
    if (train === deploy) {
      const what = train ? "both a fused and an unfused" : "no 3×3";
      throw new RepvggError(
        "E_STATE",
        `Block ${name} has ${what} convolution (rbr_reparam, rbr_dense), so its form is unknown.`,
      );
    }
    return train ? "train" : "deploy";
  });
  return joinedForms(forms);
}
