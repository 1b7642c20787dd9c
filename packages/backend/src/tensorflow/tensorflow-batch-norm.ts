import { BATCH_NORM } from "@repvgg/core";
import type { BatchNormResult } from "@repvgg/core/nn";
import {
  customGrad,
  dispose,
  keep,
  mul,
  type Tensor,
  type Tensor1D,
  type Tensor4D,
  tensor1d,
} from "@tensorflow/tfjs-core";
import { attributes, type OpAttribute, type TensorflowBinding, tensorflowBackend } from "./tensorflow-ops.ts";

/** Outputs of TensorFlow's operation: y, new running mean, new running variance, and three for its gradient. */
const OUTPUTS = 6;
const GRADIENT_OUTPUTS = 5;

/**
 * Batch normalization with the statistics of the batch, in one pass of TensorFlow's fused operation.
 *
 * The batch's statistics are read as "running" ones that are replaced wholly (`exponential_avg_factor` 1). The variance among them is
 * the unbiased one, and is scaled back. The outputs for the gradient are never read: on a GPU one of them is something else.
 *
 * @param x `[N, H, W, C]`; borrowed, as `gamma` and `beta` `[C]` are.
 */
export function tensorflowBatchNorm(x: Tensor4D, gamma: Tensor1D, beta: Tensor1D): BatchNormResult {
  const count = x.size / x.shape[3];
  const batch: { mean?: Tensor1D; unbiased?: Tensor1D } = {};
  const normalize = customGrad<Tensor4D>((...inputs) => {
    const [x, gamma, beta, save] = inputs as [Tensor4D, Tensor1D, Tensor1D, (tensors: Tensor[]) => void];
    const backend = tensorflowBackend();
    const none = tensor1d([]);
    const results = backend.executeMultipleOutputs(
      "FusedBatchNormV3",
      forwardAttributes(backend.binding),
      [x, gamma, beta, none, none],
      OUTPUTS,
    );
    const [y, mean, variance, ...reserved] = results as [Tensor4D, Tensor1D, Tensor1D, Tensor, Tensor, Tensor];
    Object.assign(batch, { mean: keep(mean), unbiased: keep(variance) }); // they leave this scope
    save([x, gamma, ...reserved]);
    return {
      value: y,
      gradFunc: (dy: Tensor4D, saved: Tensor[]) => {
        const [x, gamma, ...reserved] = saved;
        const { binding } = backend;
        const found = backend.executeMultipleOutputs(
          "FusedBatchNormGradV3",
          backwardAttributes(binding),
          [dy, x!, gamma!, ...reserved],
          GRADIENT_OUTPUTS,
        );
        dispose(found.slice(3)); // two that the operation leaves empty outside of inference
        return found.slice(0, 3) as Tensor4D[]; // at x, gamma and beta: tfjs types all as the result
      },
    };
  });
  const y = normalize(x, gamma, beta);
  const { mean, unbiased } = batch as Required<typeof batch>;
  const variance = mul<Tensor1D>(unbiased, (count - 1) / count);
  unbiased.dispose();
  return { y, mean, variance };
}

function backwardAttributes(binding: TensorflowBinding): OpAttribute[] {
  const make = attributes(binding);
  return [
    make.type("T"),
    make.type("U"),
    make.float("epsilon", BATCH_NORM.epsilon),
    make.string("data_format", "NHWC"),
    make.boolean("is_training", true),
  ];
}

const forwardAttributes = (binding: TensorflowBinding) => [
  ...backwardAttributes(binding),
  attributes(binding).float("exponential_avg_factor", 1),
];
