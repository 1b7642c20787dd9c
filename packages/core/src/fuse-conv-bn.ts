import { ShapeError } from "./errors.ts";
import type { Kernel, NdArray, PerChannel } from "./nd-array.ts";
import { BATCH_NORM } from "./network.ts";
import { stateValue } from "./state-dict.ts";

/** Inference-time state of a batch normalization over `C` channels. */
export interface BatchNormState {
  readonly gamma: PerChannel;
  readonly beta: PerChannel;
  readonly runningMean: PerChannel;
  /** Variance, not standard deviation, as PyTorch stored it. */
  readonly runningVar: PerChannel;
  /** Added to the variance. @default PyTorch's, 1e-5 */
  readonly epsilon?: number;
}

/**
 * Folds a batch normalization into the bias-free convolution before it.
 *
 *     W'[…, o] = s[o] · W[…, o]        s = γ / √(σ² + ε)
 *     b'[o]    = β[o] − s[o] · μ[o]
 *
 * Computed in float64 and rounded once.
 *
 * @param kernel `[kh, kw, I, O]`, left unchanged.
 * @param bn Statistics over the `O` output channels.
 * @returns A new kernel `[kh, kw, I, O]` and bias `[O]`.
 * @throws {ShapeError} `bn` does not cover exactly `O` channels.
 * @see Ding et al., RepVGG, §3.3. https://arxiv.org/abs/2101.03697
 */
export function fuseConvBn(kernel: Kernel, bn: BatchNormState): { kernel: Kernel; bias: PerChannel } {
  const channels = kernel.shape[3];
  const { scale, shift } = affine64(bn, channels);
  return {
    kernel: { shape: kernel.shape, data: kernel.data.map((weight, i) => weight * scale[i % channels]!) }, // O is the fastest axis
    bias: { shape: [channels], data: Float32Array.from(shift) },
  };
}

/**
 * An inference-time batch normalization as `y = scale · x + shift`, in float64.
 *
 * @throws {ShapeError} A part of `bn` does not have the shape `[channels]`.
 */
export function affine64(bn: BatchNormState, channels: number): { scale: Float64Array; shift: Float64Array } {
  const { gamma, beta, runningMean, runningVar, epsilon = BATCH_NORM.epsilon } = bn;
  for (const [name, { shape }] of Object.entries({ gamma, beta, runningMean, runningVar })) {
    if (shape.length !== 1 || shape[0] !== channels) throw new ShapeError(`bn.${name}`, `[${channels}]`, shape);
  }
  const scale = Float64Array.from(gamma.data, (g, o) => g / Math.sqrt(runningVar.data[o]! + epsilon));
  const shift = Float64Array.from(beta.data, (b, o) => b - scale[o]! * runningMean.data[o]!);
  return { scale, shift };
}

/**
 * The batch normalization whose entries start with `prefix`, by their PyTorch names.
 *
 * @throws {RepvggError} `E_STATE`: an entry is missing.
 */
export function batchNormOf(state: ReadonlyMap<string, NdArray>, prefix: string): BatchNormState {
  return {
    gamma: stateValue(state, `${prefix}.weight`),
    beta: stateValue(state, `${prefix}.bias`),
    runningMean: stateValue(state, `${prefix}.running_mean`),
    runningVar: stateValue(state, `${prefix}.running_var`),
  };
}
