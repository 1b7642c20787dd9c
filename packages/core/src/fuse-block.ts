import { ShapeError } from "./errors.ts";
import { affine64, batchNormOf } from "./fuse-conv-bn.ts";
import type { BlockPlan } from "./layer-plan.ts";
import { type Kernel, type NdArray, type PerChannel, sameShape } from "./nd-array.ts";
import { stateValue } from "./state-dict.ts";

/** Of a 3×3 kernel, in the order in which it is stored. */
export const TAPS = 9;
/** The tap that 1×1 kernels and identities add to. */
export const CENTRE = 4;

type State = ReadonlyMap<string, NdArray>;

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
export function fuseBlock(block: BlockPlan, state: State): { kernel: Kernel; bias: PerChannel } {
  return { kernel: fuseKernel(block, state), bias: fuseBias(block, state) };
}

/** The kernel of {@link fuseBlock}. In memory are the stored kernels, the new one, and one tap in float64. */
export function fuseKernel(block: BlockPlan, state: State): Kernel {
  const { inChannels, groups, outChannels } = block;
  const shape = [3, 3, inChannels / groups, outChannels] as const;
  const fusedTap = fusedTaps64(block, state);
  const tap = shape[2] * outChannels;
  const data = new Float32Array(TAPS * tap);
  for (let t = 0; t < TAPS; t++) data.set(fusedTap(t), t * tap);
  return { shape, data };
}

/** The bias of {@link fuseBlock}, which needs no kernel. */
export function fuseBias(block: BlockPlan, state: State): PerChannel {
  return { shape: [block.outChannels], data: new Float32Array(fuseBias64(block, state)) };
}

/** {@link fuseBias} before rounding. */
export function fuseBias64(block: BlockPlan, state: State): Float64Array {
  const { name, identity, outChannels } = block;
  const branches = [`${name}.rbr_dense.bn`, `${name}.rbr_1x1.bn`, ...(identity ? [`${name}.rbr_identity`] : [])];
  const bias = new Float64Array(outChannels);
  for (const branch of branches) {
    const { shift } = affine64(batchNormOf(state, branch), outChannels);
    for (let o = 0; o < outChannels; o++) bias[o]! += shift[o]!;
  }
  return bias;
}

/**
 * The kernel of {@link fuseBlock} before rounding, a tap at a time.
 *
 * @returns Gives tap `t`, `[I/groups, O]`, newly allocated.
 */
export function fusedTaps64(block: BlockPlan, state: State): (t: number) => Float64Array {
  const { name, inChannels, groups, outChannels } = block;
  const perGroup = inChannels / groups;
  const dense = branch(block, state, "rbr_dense", 3);
  const pointwise = branch(block, state, "rbr_1x1", 1);
  const identity = block.identity ? affine64(batchNormOf(state, `${name}.rbr_identity`), outChannels).scale : undefined;
  const length = perGroup * outChannels;
  return (t) => {
    const tap = scaled(dense.kernel.data, t * length, length, dense.scale);
    if (t !== CENTRE) return tap;
    addTo(tap, scaled(pointwise.kernel.data, 0, length, pointwise.scale));
    // Channel o is channel o mod I/groups of its own group.
    identity?.forEach((scale, o) => {
      tap[(o % perGroup) * outChannels + o]! += scale;
    });
    return tap;
  };
}

function branch(block: BlockPlan, state: State, name: string, size: number): { kernel: Kernel; scale: Float64Array } {
  const prefix = `${block.name}.${name}`;
  const kernel = stateValue<Kernel["shape"]>(state, `${prefix}.conv.weight`);
  const shape = [size, size, block.inChannels / block.groups, block.outChannels];
  if (!sameShape(kernel.shape, shape)) {
    throw new ShapeError(`${prefix}.conv.weight`, `[${shape.join(", ")}]`, kernel.shape);
  }
  return { kernel, scale: affine64(batchNormOf(state, `${prefix}.bn`), block.outChannels).scale };
}

/** Part of a kernel times the scale of each output channel, the fastest axis. */
export function scaled(kernel: Float32Array, first: number, length: number, scale: Float64Array): Float64Array {
  const channels = scale.length;
  const values = new Float64Array(length);
  for (let i = 0; i < length; i += channels) {
    for (let o = 0; o < channels; o++) values[i + o] = kernel[first + i + o]! * scale[o]!;
  }
  return values;
}

/** `sum ← sum + terms` */
export function addTo(sum: Float64Array, terms: Float64Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += terms[i]!;
}
