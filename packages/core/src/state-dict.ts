import { RepvggError } from "./errors.ts";
import type { NdArray } from "./nd-array.ts";

/**
 * The parameters and running statistics of a network by their original PyTorch names
 * (`stage1.0.rbr_dense.conv.weight`), in memory in HWIO order; only files are OIHW.
 */
export type StateDict = Map<string, NdArray>;

/**
 * The entry of that name.
 *
 * @throws {RepvggError} `E_STATE`: the state does not have it.
 */
export function stateValue<S extends readonly number[]>(state: ReadonlyMap<string, NdArray>, name: string): NdArray<S> {
  const value = state.get(name);
  if (!value) {
    throw new RepvggError(
      "E_STATE",
      `The state has no ${name}. Check that it belongs to this spec (checkState lists all).`,
    );
  }
  return value as NdArray<S>;
}
