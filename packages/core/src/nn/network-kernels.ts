import { getBackend, type Tensor, type Tensor4D, type Variable } from "@tensorflow/tfjs-core";
import type { AdamWStep, SgdStep } from "../optimizer-step.ts";
import type { BatchNormTensors } from "./block-tensors.ts";

/** What {@link NetworkKernels.trainBatchNorm} gives; the caller owns it. */
export interface BatchNormResult extends Pick<BatchNormTensors, "runningMean" | "runningVar"> {
  /** `[N, H, W, C]`. */
  readonly y: Tensor4D;
}

/** AdamW's moments of one parameter. */
export interface Moments {
  readonly first: Tensor;
  readonly second: Tensor;
}

/** Operations of a network that a tfjs backend can do better than by tfjs's own kernels. Those of layers are differentiable. */
export interface NetworkKernels {
  /** See `convolve`. */
  convolve?(x: Tensor4D, kernel: Tensor4D, options: { readonly stride: number; readonly groups: number }): Tensor4D;
  /** See `trainBatchNorm`. */
  trainBatchNorm?(x: Tensor4D, tensors: BatchNormTensors): BatchNormResult;
  relu?(x: Tensor4D): Tensor4D;
  /**
   * One update of one parameter, see {@link SgdStep}, whose momentum is not 0; the weight decay is that of the parameter.
   *
   * @param weight Is assigned its new value.
   * @param velocity Taken: its value may be gone afterwards, and it can only be disposed. Undefined before the first update.
   * @param gradient Borrowed.
   * @returns The new velocity; the caller owns it.
   */
  sgd?(weight: Variable, velocity: Tensor | undefined, gradient: Tensor, step: SgdStep): Tensor;
  /**
   * The same of {@link AdamWStep}.
   *
   * @param updates How many there were, this one included: t.
   */
  adamw?(
    weight: Variable,
    moments: Moments | undefined,
    gradient: Tensor,
    step: AdamWStep & { readonly updates: number },
  ): Moments;
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
