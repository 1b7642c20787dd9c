import type { Tensor1D, Tensor4D } from "@tensorflow/tfjs-core";
import type { BlockPlan } from "../layer-plan.ts";
import type { Parameter } from "./forward.ts";

/** A batch normalization over `C` channels, each `[C]`. */
export interface BatchNormTensors {
  readonly gamma: Tensor1D;
  readonly beta: Tensor1D;
  readonly runningMean: Tensor1D;
  readonly runningVar: Tensor1D;
}

/** A convolution without bias, kernel `[k, k, I/groups, O]`, and its batch normalization. */
export interface ConvBnTensors extends BatchNormTensors {
  readonly kernel: Tensor4D;
}

/** The tensors of a block in train form. */
export interface BlockTensors {
  /** 3×3. */
  readonly dense: ConvBnTensors;
  /** 1×1. */
  readonly pointwise: ConvBnTensors;
  /** The identity branch, where the block has one. */
  readonly identity?: BatchNormTensors;
}

/** A block's tensors by their PyTorch names; borrowed. */
export function blockTensors({ name, identity }: BlockPlan, parameter: Parameter): BlockTensors {
  const batchNorm = (prefix: string) => batchNormTensors(`${name}.${prefix}`, parameter);
  const branch = (prefix: string): ConvBnTensors => ({
    kernel: parameter(`${name}.${prefix}.conv.weight`),
    ...batchNorm(`${prefix}.bn`),
  });
  return {
    dense: branch("rbr_dense"),
    pointwise: branch("rbr_1x1"),
    ...(identity && { identity: batchNorm("rbr_identity") }),
  };
}

/** Those of the batch normalization whose PyTorch names begin so; borrowed. */
export function batchNormTensors(prefix: string, parameter: Parameter): BatchNormTensors {
  return {
    gamma: parameter(`${prefix}.weight`),
    beta: parameter(`${prefix}.bias`),
    runningMean: parameter(`${prefix}.running_mean`),
    runningVar: parameter(`${prefix}.running_var`),
  };
}
