import { fuseBlock64 } from "./fuse-block.ts";
import { affine64, batchNormOf } from "./fuse-conv-bn.ts";
import type { BlockPlan } from "./layer-plan.ts";
import type { NdArray } from "./nd-array.ts";
import { stateValue } from "./state-dict.ts";

/** A block's convolution, and the magnitudes of what each weight of it is the sum of. */
export interface FusedTerms {
  /** `[3, 3, I/groups, O]`. */
  readonly kernel: Float32Array | Float64Array;
  readonly kernelTerms: Float64Array;
  /** `[O]`. */
  readonly bias: Float32Array | Float64Array;
  readonly biasTerms: Float64Array;
}

const BRANCHES = ["rbr_dense", "rbr_1x1"] as const;
const TAPS = 9;
const CENTRE = 4;
/** A deploy form does not tell what was added: that is taken to be this fraction of the largest weight beside it. */
const UNKNOWN = 0.25;

/**
 * The convolution that a block amounts to in inference, in float64, with the scale that rounding errors of it have.
 *
 *     terms = |s₃ · W₃| + centre(|s₁ · W₁|) + centre(|s₀|)
 *
 * A sum may cancel to nearly nothing; its error then is that of its terms, and only compared with them it is small.
 *
 * @param state Has the block's entries, in either form.
 * @throws {RepvggError} `E_STATE` or `E_SHAPE`: an entry is missing or does not fit.
 */
export function fusedTerms(block: BlockPlan, state: ReadonlyMap<string, NdArray>): FusedTerms {
  const fused = state.get(`${block.name}.rbr_reparam.weight`);
  if (fused) return deployTerms(block, fused.data, stateValue(state, `${block.name}.rbr_reparam.bias`).data);
  return { ...fuseBlock64(block, state), ...trainTerms(block, state) };
}

function trainTerms(block: BlockPlan, state: ReadonlyMap<string, NdArray>) {
  const { name, outChannels, inChannels, groups } = block;
  const perGroup = inChannels / groups;
  const tap = perGroup * outChannels;
  const kernelTerms = new Float64Array(TAPS * tap);
  const biasTerms = new Float64Array(outChannels);
  for (const branch of BRANCHES) {
    const { data } = stateValue(state, `${name}.${branch}.conv.weight`);
    const { scale } = addBiasTerms(biasTerms, `${name}.${branch}.bn`, state);
    const at = data.length === kernelTerms.length ? 0 : CENTRE * tap;
    for (let i = 0; i < data.length; i++) kernelTerms[at + i]! += Math.abs(data[i]! * scale[i % outChannels]!);
  }
  if (block.identity) {
    const { scale } = addBiasTerms(biasTerms, `${name}.rbr_identity`, state);
    for (let o = 0; o < outChannels; o++) {
      kernelTerms[CENTRE * tap + (o % perGroup) * outChannels + o]! += Math.abs(scale[o]!);
    }
  }
  return { kernelTerms, biasTerms };
}

/** Adds `|β| + |s · μ|`. */
function addBiasTerms(terms: Float64Array, prefix: string, state: ReadonlyMap<string, NdArray>) {
  const bn = batchNormOf(state, prefix);
  const affine = affine64(bn, terms.length);
  const [beta, mean] = [bn.beta.data, bn.runningMean.data];
  for (let o = 0; o < terms.length; o++) terms[o]! += Math.abs(beta[o]!) + Math.abs(affine.scale[o]! * mean[o]!);
  return affine;
}

/** Only the centre tap and the bias are sums. */
function deployTerms(
  { outChannels, inChannels, groups }: BlockPlan,
  kernel: Float32Array,
  bias: Float32Array,
): FusedTerms {
  const tap = (inChannels / groups) * outChannels;
  const kernelTerms = new Float64Array(kernel).map(Math.abs);
  const largest = new Float64Array(outChannels);
  for (let i = 0; i < kernel.length; i++)
    largest[i % outChannels] = Math.max(largest[i % outChannels]!, kernelTerms[i]!);
  for (let i = CENTRE * tap; i < (CENTRE + 1) * tap; i++) kernelTerms[i]! += UNKNOWN * largest[i % outChannels]!;
  const biasTerms = new Float64Array(bias).map(Math.abs);
  const largestBias = biasTerms.reduce((a, b) => Math.max(a, b), 0);
  return { kernel, kernelTerms, bias, biasTerms: biasTerms.map((magnitude) => magnitude + UNKNOWN * largestBias) };
}
