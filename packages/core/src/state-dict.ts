import type { NdArray } from "./nd-array.ts";

/**
 * The parameters and running statistics of a network by their original PyTorch names
 * (`stage1.0.rbr_dense.conv.weight`), in memory in HWIO order; only files are OIHW.
 */
export type StateDict = Map<string, NdArray>;
