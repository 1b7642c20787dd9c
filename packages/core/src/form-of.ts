import { RepvggError } from "./errors.ts";
import type { NdArray } from "./nd-array.ts";
import type { Form } from "./spec.ts";

const BLOCK = /^(stage0|stage[1-4]\.\d+)\./;

/** Names of the blocks that a state has entries of, in the network's order. */
export function blockNames(state: ReadonlyMap<string, NdArray>): string[] {
  const names = new Set<string>();
  for (const key of state.keys()) {
    const name = BLOCK.exec(key)?.[1];
    if (name) names.add(name);
  }
  const order = (name: string) => Number(name[5]) * 1e6 + Number(name.split(".")[1] ?? 0);
  return [...names].sort((a, b) => order(a) - order(b));
}

/**
 * The form that a state is in: one for all blocks, or a list of each block's where the network is partly fused.
 *
 * @throws {RepvggError} `E_STATE`: there is no RepVGG block in it, or a block has no convolution or those of both forms.
 */
export function formOf(state: ReadonlyMap<string, NdArray>): Form | Form[] {
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
  return forms.every((form) => form === forms[0]) ? forms[0]! : forms;
}
