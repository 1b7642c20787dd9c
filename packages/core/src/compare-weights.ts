import { TAPS } from "./fuse-block.ts";
import { type FusedTerms, fusedTerms, magnitudesOf, type Terms } from "./fused-terms.ts";
import type { BlockPlan, LayerPlan } from "./layer-plan.ts";
import type { NdArray } from "./nd-array.ts";
import { stateValue } from "./state-dict.ts";
import { stateLayout } from "./state-layout.ts";

/** How far the weights of one part of two networks are apart. */
export interface WeightsDifference {
  /** A block (`stage1.0`), or `linear`. */
  readonly name: string;
  /**
   * The largest difference of a weight, fused where it is not, as a fraction of what it is made of: of the magnitudes that fusion
   * adds. Rounding to float32 leaves some 10⁻⁷ of that, whatever the sum cancels to.
   */
  readonly maxRelativeError: number;
  /** The weight with this difference, counted as in PyTorch (`rbr_reparam.weight[3, 0, 1, 1]`), and its two values. */
  readonly weight: string;
  readonly values: readonly [a: number, b: number];
}

type Difference = Omit<WeightsDifference, "name">;

/**
 * Compares two networks part by part, by what their weights amount to in inference: blocks in train form are fused, in float64.
 * A changed weight shows with the name of its block, however little it moves the logits.
 *
 *     max |a − b| / terms        terms = |s₃ · W₃| + |s₁ · W₁| + |s₀|
 *
 * @param plan Of both: they must be of one architecture.
 * @param a Train or deploy form, or partly fused; its entries are asked for block by block.
 * @returns All parts in the network's order. Squeeze-and-excitation counts to its block.
 * @throws {RepvggError} `E_STATE` or `E_SHAPE`: a state does not fit the plan.
 */
export function compareWeights(
  plan: LayerPlan,
  a: ReadonlyMap<string, NdArray>,
  b: ReadonlyMap<string, NdArray>,
): WeightsDifference[] {
  const copied = stateLayout(plan, "deploy").filter(({ name }) => !name.includes(".rbr_reparam."));
  const compareCopied = (part: string, block: BlockPlan | undefined) =>
    copied
      .filter((entry) => entry.block === block)
      .map(({ name }) => copiedDifference(name.slice(part.length + 1), stateValue(a, name), stateValue(b, name)));
  const blocks = plan.blocks.map((block) => {
    const convolution = convolutionDifferences(block, fusedTerms(block, a), fusedTerms(block, b));
    return { name: block.name, ...largest([...convolution, ...compareCopied(block.name, block)]) };
  });
  return [...blocks, { name: "linear", ...largest(compareCopied("linear", undefined)) }];
}

/** The part that is furthest apart. */
export function worstPart(parts: readonly WeightsDifference[]): WeightsDifference {
  return largest(parts);
}

/** NaN counts as larger than any number. */
function largest<D extends Difference>(differences: readonly D[]): D {
  return differences.reduce((worst, each) => (each.maxRelativeError <= worst.maxRelativeError ? worst : each));
}

function convolutionDifferences(
  { inChannels, groups, outChannels }: BlockPlan,
  a: FusedTerms,
  b: FusedTerms,
): Difference[] {
  const shape = [3, 3, inChannels / groups, outChannels];
  const kernel = Array.from({ length: TAPS }, (_, t) => {
    const [ofA, ofB] = [a.tap(t), b.tap(t)];
    return difference("rbr_reparam.weight", shape, ofA, ofB, t * ofA.values.length);
  });
  return [...kernel, difference("rbr_reparam.bias", [outChannels], a.bias, b.bias)];
}

/** Of weights that fusion leaves as they are. */
function copiedDifference(name: string, a: NdArray, b: NdArray): Difference {
  const terms = ({ data }: NdArray): Terms => ({ values: data, magnitudes: magnitudesOf(data) });
  return difference(name, a.shape, terms(a), terms(b));
}

/** @param first The element of the array of that shape with which the values begin, where they are a part of it. */
function difference(name: string, shape: readonly number[], a: Terms, b: Terms, first = 0): Difference {
  let [at, maxRelativeError] = [0, 0];
  for (let i = 0; i < a.values.length; i++) {
    if (a.values[i] === b.values[i]) continue;
    const error = Math.abs(a.values[i]! - b.values[i]!) / Math.max(a.magnitudes[i]!, b.magnitudes[i]!);
    if (error <= maxRelativeError) continue;
    [at, maxRelativeError] = [i, error];
  }
  const weight = `${name}[${fileIndex(shape, first + at).join(", ")}]`;
  return { maxRelativeError, weight, values: [a.values[at]!, b.values[at]!] };
}

/** Where element `at` stands in PyTorch's layout: [h, w, in, out] → [out, in, h, w]. */
function fileIndex(shape: readonly number[], at: number): number[] {
  const index: number[] = [];
  let rest = at;
  for (const length of shape.toReversed()) {
    index.unshift(rest % length);
    rest = Math.floor(rest / length);
  }
  const [a, b, c, d] = index as [number, number, number, number];
  return shape.length === 4 ? [d, c, a, b] : index.toReversed();
}
