import { emitBatchStatistics, emitSum, emitSumBackward, type NormalizedSum } from "./batch-norm.ts";
import { type Emitter, emitDirect3x3, emitLinear } from "./convolution.ts";
import { emitKernelGradient3x3, emitLinearBackward, emitStridedInputGradient } from "./gradients.ts";
import { bytesOf, type ImageLayout, PANEL, paddedLayout, panelled } from "./layouts.ts";
import type { AuxiliaryBuffers } from "./network-buffers.ts";
import { type PlacedNetwork, slotOf } from "./placed-network.ts";

const normalized = ({ head, convolved, output, vectors, bias }: AuxiliaryBuffers): NormalizedSum => ({
  normalizations: [{ name: `${head.name}.0.bn`, x: convolved, vectors }],
  bias,
  sum: output,
  relu: true,
});

const kernelOf = ({ head }: AuxiliaryBuffers) => `${head.name}.0.conv.weight`;

/** Train-mode logits of an auxiliary classifier: convolution of stride 2, batch normalization, ReLU, pooling, linear layer. */
export function emitAuxiliary(emitter: Emitter, network: PlacedNetwork, buffers: AuxiliaryBuffers): void {
  const { head, input, convolved, output, pooled, logits } = buffers;
  const { batch, plan } = network;
  const weights = slotOf(network, kernelOf(buffers)).address;
  emitDirect3x3(emitter, { input, output: convolved, weights, stride: 2 });
  emitBatchStatistics(emitter, network, normalized(buffers));
  emitSum(emitter, normalized(buffers));
  const { origin, imageBytes, rowBytes, height, width, channels } = output;
  emitter.program.add("averagePool", (batch * channels) / PANEL, {
    input: origin,
    imageBytes,
    rowBytes,
    height,
    width,
    channels,
    output: pooled,
  });
  emitLinear(emitter, {
    input: pooled,
    output: logits,
    weights: slotOf(network, `${head.name}.3.weight`).address,
    bias: slotOf(network, `${head.name}.3.bias`).address,
    rows: batch,
    from: channels,
    to: panelled(plan.spec.numClasses),
  });
}

/**
 * Gradients of an auxiliary classifier's parameters, and of the activation that it reads.
 *
 * @param logitsGradient Address of `[N, classes in whole panels]`, zero in the padding.
 * @param dx The gradient of that activation so far, dense; added to. Undefined where nobody wants it.
 */
export function emitAuxiliaryBackward(
  emitter: Emitter,
  network: PlacedNetwork,
  buffers: AuxiliaryBuffers,
  logitsGradient: number,
  dx: ImageLayout | undefined,
): void {
  const { memory, program } = emitter;
  const { head, input, convolved, output, pooled } = buffers;
  const { batch, plan } = network;
  const { height, width, channels } = output;
  const shape = [batch, height, width, channels] as const;
  const gradient = memory.shared("features gradient", bytesOf([batch, channels]));
  emitLinearBackward(emitter, network, {
    name: `${head.name}.3`,
    input: pooled,
    from: channels,
    gradient: logitsGradient,
    to: panelled(plan.spec.numClasses),
    inputGradient: gradient,
  });
  const dy = memory.shared("auxiliary gradient", bytesOf(shape));
  program.add("averagePoolGradient", batch * height, { gradient, height, width, channels, output: dy });
  const d3 = paddedLayout((bytes) => memory.shared(`padded gradient ${shape}`, bytes), shape);
  // The kernels write the gradient of a second branch too, which nobody reads.
  emitSumBackward(emitter, network, normalized(buffers), { dy, d0: d3, d1: convolved.origin, d2: 0 });
  emitKernelGradient3x3(emitter, network, { name: kernelOf(buffers), input, gradient: d3, stride: 2, groups: 1 });
  if (!dx) return;
  const source = slotOf(network, kernelOf(buffers)).address;
  emitStridedInputGradient(emitter, { source, groups: 1, gradient: d3, dx, accumulate: true });
}
