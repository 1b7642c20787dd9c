import { type AuxiliaryPlan, type BlockPlan, type RepVggSpec, squeezePrefix } from "@repvgg/core";
import { batchNormGradients64 } from "./batch-norm64.ts";
import { convGradients64 } from "./conv64.ts";
import { type AuxiliaryTape, type BlockTape, batchNorm64, type Forward64 } from "./forward64.ts";
import { linearGradients64, squeezeGradients64 } from "./squeeze64.ts";
import { add64, map64, type State64, sumPerChannel, type Tensor64 } from "./tensor64.ts";

/**
 * Gradients of every trainable parameter, in float64.
 *
 * @param forward A train-mode {@link Forward64} (deploy-form blocks may be among its blocks); its masks are held fixed.
 * @param dLogits Gradient of the loss at the logits, `[N, numClasses]`.
 * @param beside Gradients of the loss at the outputs of stages 1 to 4, and at the auxiliary logits, where it is a function of them.
 * @returns By parameter name, in the layout of the state.
 */
export function backward64(
  forward: Forward64,
  dLogits: ArrayLike<number>,
  beside: { [Output in "features" | "auxiliary"]?: readonly (ArrayLike<number> | undefined)[] } = {},
): Map<string, Float64Array> {
  const { plan, state, blocks, pooled } = forward;
  const { features = [], auxiliary = [] } = beside;
  const gradients = new Map<string, Float64Array>();
  const n = pooled.shape[0];
  const dOutput: Tensor64 = { shape: [n, 1, 1, dLogits.length / n], data: Float64Array.from(dLogits) };
  const dPooled = linearGradients64(pooled, state, "linear", dOutput, gradients);

  let dy = poolGradients64(blocks.at(-1)!.y, dPooled);
  for (const block of plan.blocks.toReversed()) {
    const ofFeature = plan.blocks[block.index + 1]?.stage === block.stage ? undefined : features[block.stage - 1];
    if (ofFeature) dy = map64(dy, (value, i) => value + ofFeature[i]!);
    const head = plan.auxiliary.findIndex(({ after }) => after === block.index);
    if (head >= 0) {
      const dLogits = auxiliary[head] ?? new Float64Array(forward.logits.length);
      const [plan64, tape] = [plan.auxiliary[head]!, forward.auxiliary[head]!];
      dy = add64(dy, auxiliaryGradients64(plan64, state, blocks[block.index]!.y, tape, dLogits, gradients));
    }
    dy = blockGradients64(plan.spec, block, state, blocks[block.index]!, dy, gradients);
  }
  return gradients;
}

/** Gradient of global average pooling of `y`. */
function poolGradients64(y: Tensor64, dPooled: Tensor64): Tensor64 {
  const [, h, w, c] = y.shape;
  return map64(y, (_, i) => dPooled.data[Math.floor(i / (h * w * c)) * c + (i % c)]! / (h * w));
}

function auxiliaryGradients64(
  { name }: AuxiliaryPlan,
  state: State64,
  x: Tensor64,
  { batchNorm, normalized, pooled }: AuxiliaryTape,
  dLogits: ArrayLike<number>,
  gradients: Map<string, Float64Array>,
): Tensor64 {
  const n = pooled.shape[0];
  const dOutput: Tensor64 = { shape: [n, 1, 1, dLogits.length / n], data: Float64Array.from(dLogits) };
  const dPooled = linearGradients64(pooled, state, `${name}.3`, dOutput, gradients);
  const dActive = map64(poolGradients64(normalized, dPooled), (g, i) => (normalized.data[i]! > 0 ? g : 0));
  const { dx: dConv, dGamma, dBeta } = batchNormGradients64(batchNorm64(state, `${name}.0.bn`), batchNorm, dActive);
  gradients.set(`${name}.0.bn.weight`, dGamma).set(`${name}.0.bn.bias`, dBeta);
  const kernel = state.get(`${name}.0.conv.weight`)!;
  const { dx, dKernel } = convGradients64(x, kernel, { stride: 2, groups: 1 }, dConv);
  gradients.set(`${name}.0.conv.weight`, dKernel);
  return dx;
}

function blockGradients64(
  spec: RepVggSpec,
  block: BlockPlan,
  state: State64,
  tape: BlockTape,
  dy: Tensor64,
  gradients: Map<string, Float64Array>,
): Tensor64 {
  const { name } = block;
  const prefix = `${name}.${squeezePrefix(spec)}`;
  const relu = (x: Tensor64) => map64(x, (value, i) => (tape.mask[i] ? value : 0));
  if (spec.squeezeExcitation === "after-relu") {
    dy = squeezeGradients64(relu(tape.beforeRelu), state, prefix, tape.squeeze!, dy, gradients);
  }
  dy = relu(dy);
  if (spec.squeezeExcitation === "before-relu") {
    dy = squeezeGradients64(tape.sum, state, prefix, tape.squeeze!, dy, gradients);
  }

  const convolution = (branch: string, dOutput: Tensor64) => {
    const { dx, dKernel } = convGradients64(tape.x, state.get(`${name}.${branch}.weight`)!, block, dOutput);
    gradients.set(`${name}.${branch}.weight`, dKernel);
    return dx;
  };
  const normalization = (branch: string) => {
    const bn = batchNorm64(state, `${name}.${branch}`);
    const { dx, dGamma, dBeta } = batchNormGradients64(bn, tape.batchNorms.get(branch)!, dy);
    gradients.set(`${name}.${branch}.weight`, dGamma).set(`${name}.${branch}.bias`, dBeta);
    return dx;
  };
  if (tape.form === "deploy") {
    gradients.set(`${name}.rbr_reparam.bias`, sumPerChannel(dy));
    return convolution("rbr_reparam", dy);
  }
  return add64(
    convolution("rbr_dense.conv", normalization("rbr_dense.bn")),
    convolution("rbr_1x1.conv", normalization("rbr_1x1.bn")),
    ...(block.identity ? [normalization("rbr_identity")] : []),
  );
}
