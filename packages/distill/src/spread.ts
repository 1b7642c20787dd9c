import { matMul, ones, type Tensor2D } from "@tensorflow/tfjs-core";

/**
 * A column beside itself, `[N, 1]` → `[N, columns]`.
 *
 * By a matrix product with ones, which is exact: tfjs's cpu backend, where the loss of the WebAssembly engine runs,
 * broadcasts some twenty times slower than it multiplies.
 */
export function spread(column: Tensor2D, columns: number): Tensor2D {
  return matMul(column, ones([1, columns]));
}

/** Sums over rows, `[N, C]` → `[N, 1]`; a matrix product, so that its gradient is no broadcast either. */
export function rowSums(matrix: Tensor2D): Tensor2D {
  return matMul(matrix, ones([matrix.shape[1], 1]));
}
