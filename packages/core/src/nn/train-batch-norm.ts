import {
  add,
  customGrad,
  mean,
  moments,
  mul,
  rsqrt,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
} from "@tensorflow/tfjs-core";
import { BATCH_NORM } from "../network.ts";
import type { BatchNormTensors } from "./block-tensors.ts";
import { type BatchNormResult, networkKernels } from "./network-kernels.ts";

const PIXELS = [0, 1, 2]; // all axes of NHWC but the channels

/**
 * Batch normalization with the statistics of the batch, and its gradient.
 *
 *     y = γ · x̂ + β        x̂ = (x − mean) / √(variance + ε)        variance biased
 *     dx = γ / √(variance + ε) · (dy − mean(dy) − x̂ · mean(dy · x̂))
 *     running ← 0.9 · running + 0.1 · batch, of the variance the unbiased one, as in PyTorch
 *
 * The gradient is given in this closed form: through tfjs's own operations it would take twice the passes over memory.
 *
 * @param x `[N, H, W, C]`, more than one value a channel; borrowed, as `tensors` are, which stay as they are.
 * @returns `y` as `x`, and the new running statistics; the caller owns them.
 * @see Ioffe & Szegedy 2015, §3. https://arxiv.org/abs/1502.03167
 */
export function trainBatchNorm(x: Tensor4D, tensors: BatchNormTensors): BatchNormResult {
  const own = networkKernels().trainBatchNorm;
  if (own) return own(x, tensors);
  const batch = moments(x, PIXELS) as { mean: Tensor1D; variance: Tensor1D };
  const normalize = customGrad<Tensor4D>((...inputs) => {
    const [x, gamma, beta, save] = inputs as [Tensor4D, Tensor1D, Tensor1D, (tensors: Tensor[]) => void];
    const inverse = rsqrt(add(batch.variance, BATCH_NORM.epsilon)); // [C]
    const normalized = mul(sub(x, batch.mean), inverse); // [N, H, W, C]
    save([normalized, mul(gamma, inverse)]);
    return {
      value: add(mul(normalized, gamma), beta),
      gradFunc: (dy: Tensor4D, saved: Tensor[]) => {
        const [normalized, scale] = saved as [Tensor4D, Tensor1D];
        const weighted = mul(dy, normalized);
        const centred = sub(sub(dy, mean(dy, PIXELS)), mul(normalized, mean(weighted, PIXELS)));
        return [mul(scale, centred), sum(weighted, PIXELS), sum(dy, PIXELS)];
      },
    };
  });
  const y = normalize(x, tensors.gamma, tensors.beta);
  const count = x.size / x.shape[3];
  const unbiased = mul<Tensor1D>(batch.variance, count / (count - 1));
  return { y, runningMean: next(tensors.runningMean, batch.mean), runningVar: next(tensors.runningVar, unbiased) };
}

const next = (running: Tensor1D, batch: Tensor1D): Tensor1D =>
  add(mul(running, 1 - BATCH_NORM.momentum), mul(batch, BATCH_NORM.momentum));
