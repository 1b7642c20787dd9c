import { getBackend, type Tensor1D, type Tensor4D } from "@tensorflow/tfjs-core";

/** What {@link NetworkKernels.trainBatchNorm} gives; the caller owns it. */
export interface BatchNormResult {
  /** `[N, H, W, C]`. */
  readonly y: Tensor4D;
  /** `[C]`, as `variance` is: the biased one of the batch. */
  readonly mean: Tensor1D;
  readonly variance: Tensor1D;
}

/** Operations of a network, each differentiable, that a tfjs backend can do better than by tfjs's own kernels. */
export interface NetworkKernels {
  /** See `convolve`. */
  convolve?(x: Tensor4D, kernel: Tensor4D, options: { readonly stride: number; readonly groups: number }): Tensor4D;
  /** See `trainBatchNorm`. */
  trainBatchNorm?(x: Tensor4D, gamma: Tensor1D, beta: Tensor1D): BatchNormResult;
  relu?(x: Tensor4D): Tensor4D;
}

const registered = new Map<string, NetworkKernels>();

/**
 * From here on, networks on that tfjs backend use these operations; what is absent is composed of tfjs's own.
 *
 * @param backend Its name in tfjs, such as "tensorflow".
 */
export function registerNetworkKernels(backend: string, kernels: NetworkKernels): void {
  registered.set(backend, kernels);
}

/** Those of the current backend. */
export const networkKernels = (): NetworkKernels => registered.get(getBackend()) ?? {};
