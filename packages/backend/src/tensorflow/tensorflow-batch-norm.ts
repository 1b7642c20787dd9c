import { BATCH_NORM } from "@repvgg/core";
import type { BatchNormResult, BatchNormTensors } from "@repvgg/core/nn";
import { customGrad, dispose, keep, type Tensor, type Tensor1D, type Tensor4D } from "@tensorflow/tfjs-core";
import { attributes, type OpAttribute, type TensorflowBinding, tensorflowBackend } from "./tensorflow-ops.ts";

/** Outputs of TensorFlow's operation: y, new running mean, new running variance, and three for its gradient. */
const OUTPUTS = 6;
const GRADIENT_OUTPUTS = 5;

/**
 * Batch normalization with the statistics of the batch, in one pass of TensorFlow's fused operation.
 *
 * It moves the running statistics as PyTorch does, by the unbiased variance. The outputs for the gradient are never read: on a GPU one of
 * them is something else.
 *
 * @param x `[N, H, W, C]`; borrowed, as `tensors` are, which stay as they are.
 */
export function tensorflowBatchNorm(x: Tensor4D, tensors: BatchNormTensors): BatchNormResult {
  const running: { mean?: Tensor1D; variance?: Tensor1D } = {};
  const normalize = customGrad<Tensor4D>((...inputs) => {
    const [x, gamma, beta, save] = inputs as [Tensor4D, Tensor1D, Tensor1D, (tensors: Tensor[]) => void];
    const backend = tensorflowBackend();
    const results = backend.executeMultipleOutputs(
      "FusedBatchNormV3",
      forwardAttributes(backend.binding),
      [x, gamma, beta, tensors.runningMean, tensors.runningVar],
      OUTPUTS,
    );
    const [y, mean, variance, ...reserved] = results as [Tensor4D, Tensor1D, Tensor1D, ...Tensor[]];
    Object.assign(running, { mean: keep(mean), variance: keep(variance) }); // they leave this scope
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
  const y = normalize(x, tensors.gamma, tensors.beta);
  const { mean, variance } = running as Required<typeof running>;
  return { y, runningMean: mean, runningVar: variance };
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
  attributes(binding).float("exponential_avg_factor", BATCH_NORM.momentum),
];
