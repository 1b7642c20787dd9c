import { type BlockPlan, type RepVggSpec, squeezePrefix } from "@repvgg/core";
import { batchNormGradients64 } from "./batch-norm64.ts";
import { convGradients64 } from "./conv64.ts";
import { type BlockTape, batchNorm64, type Forward64 } from "./forward64.ts";
import { linearGradients64, squeezeGradients64 } from "./squeeze64.ts";
import { add64, map64, type State64, sumPerChannel, type Tensor64 } from "./tensor64.ts";

/**
 * Gradients of every trainable parameter, in float64.
 *
 * @param forward A train-mode {@link Forward64} (deploy-form blocks may be among its blocks); its masks are held fixed.
 * @param dLogits Gradient of the loss at the logits, `[N, numClasses]`.
 * @param dFeatures Gradients of the loss at the outputs of stages 1 to 4, where it is a function of them.
 * @returns By parameter name, in the layout of the state.
 */
export function backward64(
  forward: Forward64,
  dLogits: ArrayLike<number>,
  dFeatures: readonly (ArrayLike<number> | undefined)[] = [],
): Map<string, Float64Array> {
  const { plan, state, blocks, pooled } = forward;
  const gradients = new Map<string, Float64Array>();
  const n = pooled.shape[0];
  const dOutput: Tensor64 = { shape: [n, 1, 1, dLogits.length / n], data: Float64Array.from(dLogits) };
  const dPooled = linearGradients64(pooled, state, "linear", dOutput, gradients);

  const [, h, w, c] = blocks.at(-1)!.y.shape;
  let dy = map64(blocks.at(-1)!.y, (_, i) => dPooled.data[Math.floor(i / (h * w * c)) * c + (i % c)]! / (h * w));
  for (const block of plan.blocks.toReversed()) {
    const ofFeature = plan.blocks[block.index + 1]?.stage === block.stage ? undefined : dFeatures[block.stage - 1];
    if (ofFeature) dy = map64(dy, (value, i) => value + ofFeature[i]!);
    dy = blockGradients64(plan.spec, block, state, blocks[block.index]!, dy, gradients);
  }
  return gradients;
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
