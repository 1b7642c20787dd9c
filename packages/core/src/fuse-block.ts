import { ShapeError } from "./errors.ts";
import { affine64, batchNormOf, type Convolution64, fuseConvBn64 } from "./fuse-conv-bn.ts";
import type { BlockPlan } from "./layer-plan.ts";
import { type Kernel, type NdArray, type PerChannel, sameShape } from "./nd-array.ts";
import { stateValue } from "./state-dict.ts";

const TAPS = 9;
const CENTRE = 4;

/**
 * Folds the branches of a block in train form into one 3×3 convolution with a bias.
 *
 *     W' = s₃ · W₃  +  centre(s₁ · W₁)  +  centre(s₀ · I)        s = γ / √(σ² + ε) of each branch
 *     b' = Σ (β − s · μ)
 *
 * The branches are summed in float64 and rounded once: a fused block differs from its branches by one rounding a weight.
 *
 * @param state Has the block's entries by their PyTorch names; left unchanged.
 * @returns A new kernel `[3, 3, I/groups, O]` and bias `[O]`.
 * @throws {RepvggError} `E_STATE`: an entry of the block is missing. `E_SHAPE`: an entry does not have the plan's shape.
 * @see Ding et al., RepVGG, §3.3 and figure 4. https://arxiv.org/abs/2101.03697
 */
export function fuseBlock(block: BlockPlan, state: ReadonlyMap<string, NdArray>): { kernel: Kernel; bias: PerChannel } {
  const fused = fuseBlock64(block, state);
  return {
    kernel: {
      shape: [3, 3, block.inChannels / block.groups, block.outChannels],
      data: new Float32Array(fused.kernel),
    },
    bias: { shape: [block.outChannels], data: new Float32Array(fused.bias) },
  };
}

/** {@link fuseBlock} before rounding. */
export function fuseBlock64(block: BlockPlan, state: ReadonlyMap<string, NdArray>): Convolution64 {
  const { outChannels } = block;
  const dense = branch64(block, state, "rbr_dense", 3);
  const pointwise = branch64(block, state, "rbr_1x1", 1);

  const { kernel, bias } = dense;
  const tap = kernel.length / TAPS; // weights of one tap, [I/groups, O]
  for (let i = 0; i < tap; i++) kernel[CENTRE * tap + i]! += pointwise.kernel[i]!;
  for (let o = 0; o < outChannels; o++) bias[o]! += pointwise.bias[o]!;

  if (block.identity) {
    const perGroup = block.inChannels / block.groups;
    const { scale, shift } = affine64(batchNormOf(state, `${block.name}.rbr_identity`), outChannels);
    for (let o = 0; o < outChannels; o++) {
      // Channel o is channel o mod I/groups of its own group.
      kernel[CENTRE * tap + (o % perGroup) * outChannels + o]! += scale[o]!;
      bias[o]! += shift[o]!;
    }
  }
  return { kernel, bias };
}

function branch64(block: BlockPlan, state: ReadonlyMap<string, NdArray>, branch: string, size: number): Convolution64 {
  const prefix = `${block.name}.${branch}`;
  const kernel = stateValue<Kernel["shape"]>(state, `${prefix}.conv.weight`);
  const shape = [size, size, block.inChannels / block.groups, block.outChannels];
  if (!sameShape(kernel.shape, shape)) {
    throw new ShapeError(`${prefix}.conv.weight`, `[${shape.join(", ")}]`, kernel.shape);
  }
  return fuseConvBn64(kernel, batchNormOf(state, `${prefix}.bn`));
}
