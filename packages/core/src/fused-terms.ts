import { addTo, CENTRE, fuseBias64, fusedTaps64, scaled, TAPS } from "./fuse-block.ts";
import { affine64, batchNormOf } from "./fuse-conv-bn.ts";
import type { BlockPlan } from "./layer-plan.ts";
import type { NdArray } from "./nd-array.ts";
import { stateValue } from "./state-dict.ts";

/** Weights, and the magnitudes of what each of them is the sum of. */
export interface Terms {
  readonly values: Float32Array | Float64Array;
  readonly magnitudes: Float64Array;
}

/** A block's convolution. */
export interface FusedTerms {
  /** Tap `t` of the kernel, `[I/groups, O]`, made when it is asked for: of a large kernel, one in float64 is enough. */
  tap(t: number): Terms;
  /** `[O]`. */
  readonly bias: Terms;
}

const BRANCHES = ["rbr_dense", "rbr_1x1"] as const;
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
  return trainTerms(block, state);
}

function trainTerms(block: BlockPlan, state: ReadonlyMap<string, NdArray>): FusedTerms {
  const { name, outChannels, inChannels, groups } = block;
  const perGroup = inChannels / groups;
  const length = perGroup * outChannels;
  const fusedTap = fusedTaps64(block, state);
  const biasTerms = new Float64Array(outChannels);
  const [dense, pointwise] = BRANCHES.map((branch) => {
    const { data } = stateValue(state, `${name}.${branch}.conv.weight`);
    const scale = addBiasTerms(biasTerms, `${name}.${branch}.bn`, state);
    return (t: number) => magnitudesOf(scaled(data, t * length, length, scale));
  });
  const identity = block.identity ? addBiasTerms(biasTerms, `${name}.rbr_identity`, state) : undefined;
  return {
    bias: { values: fuseBias64(block, state), magnitudes: biasTerms },
    tap(t) {
      const magnitudes = dense!(t);
      if (t === CENTRE) {
        addTo(magnitudes, pointwise!(0));
        identity?.forEach((scale, o) => {
          magnitudes[(o % perGroup) * outChannels + o]! += Math.abs(scale);
        });
      }
      return { values: fusedTap(t), magnitudes };
    },
  };
}

/** Of millions of weights: plain loops, as functions of their own, are what V8 compiles well. */
export function magnitudesOf(values: Float32Array | Float64Array): Float64Array {
  const magnitudes = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) magnitudes[i] = Math.abs(values[i]!);
  return magnitudes;
}

/** Adds `|β| + |s · μ|`. @returns s. */
function addBiasTerms(terms: Float64Array, prefix: string, state: ReadonlyMap<string, NdArray>): Float64Array {
  const bn = batchNormOf(state, prefix);
  const { scale } = affine64(bn, terms.length);
  const [beta, mean] = [bn.beta.data, bn.runningMean.data];
  for (let o = 0; o < terms.length; o++) terms[o]! += Math.abs(beta[o]!) + Math.abs(scale[o]! * mean[o]!);
  return scale;
}

/** Only the centre tap and the bias are sums. */
function deployTerms({ outChannels }: BlockPlan, kernel: Float32Array, bias: Float32Array): FusedTerms {
  const length = kernel.length / TAPS;
  const largest = new Float64Array(outChannels);
  for (let i = 0; i < kernel.length; i += outChannels) {
    for (let o = 0; o < outChannels; o++) largest[o] = Math.max(largest[o]!, Math.abs(kernel[i + o]!));
  }
  const biasTerms = new Float64Array(bias).map(Math.abs);
  const largestBias = biasTerms.reduce((a, b) => Math.max(a, b), 0);
  return {
    bias: { values: bias, magnitudes: biasTerms.map((magnitude) => magnitude + UNKNOWN * largestBias) },
    tap(t) {
      const values = kernel.subarray(t * length, (t + 1) * length);
      const magnitudes = magnitudesOf(values);
      if (t === CENTRE) for (let i = 0; i < length; i++) magnitudes[i]! += UNKNOWN * largest[i % outChannels]!;
      return { values, magnitudes };
    },
  };
}
