import {
  add,
  addN,
  div,
  eye,
  mul,
  pad,
  reshape,
  sqrt,
  sub,
  type Tensor1D,
  type Tensor4D,
  tidy,
  tile,
} from "@tensorflow/tfjs-core";
import { BATCH_NORM } from "../network.ts";
import type { BatchNormTensors, BlockTensors, ConvBnTensors } from "./block-tensors.ts";

/**
 * The 3×3 kernel and bias that a block's branches add up to, as a differentiable function of their tensors.
 *
 *     W' = s₃ · W₃  +  centre(s₁ · W₁)  +  centre(s₀ · I)        s = γ / √(σ² + ε) of each branch
 *     b' = Σ (β − s · μ)
 *
 * For penalties on the fused kernel, or to quantise or prune it while it trains. In float32: to fuse a trained network, use
 * `fuseState`, which sums in float64.
 *
 * @param block Borrowed.
 * @returns Kernel `[3, 3, I/groups, O]` and bias `[O]`; the caller owns them.
 * @see Ding et al., RepVGG, §3.3. https://arxiv.org/abs/2101.03697
 */
export function equivalentKernelBias({ dense, pointwise, identity }: BlockTensors): {
  kernel: Tensor4D;
  bias: Tensor1D;
} {
  return tidy(() => {
    const branches = [dense, pointwise, ...(identity ? [asConvolution(identity, dense)] : [])];
    const kernels = branches.map(({ kernel, ...bn }) => centred(mul(kernel, scaleOf(bn))));
    const biases = branches.map((bn) => sub<Tensor1D>(bn.beta, mul(scaleOf(bn), bn.runningMean)));
    return { kernel: addN<Tensor4D>(kernels), bias: addN<Tensor1D>(biases) };
  });
}

/** `γ / √(σ² + ε)` `[C]`. */
export function scaleOf({ gamma, runningVar }: Pick<BatchNormTensors, "gamma" | "runningVar">): Tensor1D {
  return div(gamma, sqrt(add(runningVar, BATCH_NORM.epsilon)));
}

/** A kernel as 3×3: its only tap in the middle of zeros. */
export function centred(kernel: Tensor4D): Tensor4D {
  if (kernel.shape[0] === 3) return kernel;
  return pad(kernel, [
    [1, 1],
    [1, 1],
    [0, 0],
    [0, 0],
  ]);
}

/** The identity as a 1×1 convolution: output channel o is channel o mod I/groups of its own group. */
function asConvolution(identity: BatchNormTensors, { kernel }: ConvBnTensors): ConvBnTensors {
  const [, , perGroup, outputs] = kernel.shape;
  const unit = tile(eye(perGroup), [1, outputs / perGroup]); // [I/groups, O]
  return { kernel: reshape(unit, [1, 1, perGroup, outputs]), ...identity };
}
