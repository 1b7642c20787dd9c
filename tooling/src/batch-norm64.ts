import { BATCH_NORM } from "@repvgg/core";
import { type Array64, map64, sumPerChannel, type Tensor64 } from "./tensor64.ts";

/** The entries of one batch normalization. */
export interface BatchNorm64 {
  readonly gamma: Array64;
  readonly beta: Array64;
  readonly runningMean: Array64;
  readonly runningVar: Array64;
}

/** What the backward pass needs of a train-mode normalization. */
export interface BatchNormTape {
  readonly normalized: Tensor64;
  /** `1 / √(σ² + ε)` of the batch, biased variance. */
  readonly inverseDeviation: Float64Array;
  readonly mean: Float64Array;
  /** Biased, as normalisation uses it. */
  readonly variance: Float64Array;
  /** After the update, the variance unbiased, as PyTorch keeps it. */
  readonly runningMean: Float64Array;
  readonly runningVar: Float64Array;
}

const affine = (x: Tensor64, { gamma, beta }: BatchNorm64) => {
  const channels = x.shape[3];
  return map64(x, (value, i) => gamma.data[i % channels]! * value + beta.data[i % channels]!);
};

export function batchNormInference64(x: Tensor64, bn: BatchNorm64): Tensor64 {
  const channels = x.shape[3];
  const normalized = map64(x, (value, i) => {
    const c = i % channels;
    return (value - bn.runningMean.data[c]!) / Math.sqrt(bn.runningVar.data[c]! + BATCH_NORM.epsilon);
  });
  return affine(normalized, bn);
}

export function batchNormTrain64(x: Tensor64, bn: BatchNorm64): { y: Tensor64; tape: BatchNormTape } {
  const channels = x.shape[3];
  const count = x.data.length / channels;
  const mean = sumPerChannel(x).map((sum) => sum / count);
  const centred = map64(x, (value, i) => value - mean[i % channels]!);
  const variance = sumPerChannel(map64(centred, (value) => value * value)).map((sum) => sum / count);
  const inverseDeviation = variance.map((v) => 1 / Math.sqrt(v + BATCH_NORM.epsilon));
  const normalized = map64(centred, (value, i) => value * inverseDeviation[i % channels]!);
  const m = BATCH_NORM.momentum;
  const runningMean = mean.map((v, c) => (1 - m) * bn.runningMean.data[c]! + m * v);
  const runningVar = variance.map((v, c) => (1 - m) * bn.runningVar.data[c]! + (m * v * count) / (count - 1));
  return {
    y: affine(normalized, bn),
    tape: { normalized, inverseDeviation, mean, variance, runningMean, runningVar },
  };
}

/** Gradients of {@link batchNormTrain64}; the batch statistics are functions of the input. */
export function batchNormGradients64(
  bn: BatchNorm64,
  { normalized, inverseDeviation }: BatchNormTape,
  dy: Tensor64,
): { dx: Tensor64; dGamma: Float64Array; dBeta: Float64Array } {
  const channels = dy.shape[3];
  const count = dy.data.length / channels;
  const dBeta = sumPerChannel(dy);
  const dGamma = sumPerChannel(map64(dy, (value, i) => value * normalized.data[i]!));
  const dx = map64(dy, (value, i) => {
    const c = i % channels;
    const centred = value - dBeta[c]! / count - (normalized.data[i]! * dGamma[c]!) / count;
    return bn.gamma.data[c]! * inverseDeviation[c]! * centred;
  });
  return { dx, dGamma, dBeta };
}
