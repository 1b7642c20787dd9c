import type { BlockPlan, LayerPlan } from "./layer-plan.ts";
import type { Form, RepVggSpec } from "./spec.ts";

/** What an entry of a state dict is, which decides how it is initialised, decayed and laid out in files. */
export type StateRole =
  | "kernel" // [kh, kw, I, O]; OIHW in files
  | "matrix" // [in, out]; [out, in] in files
  | "bias"
  | "gamma"
  | "beta"
  | "runningMean"
  | "runningVar"
  | "numBatchesTracked"; // scalar []; int64 in files

/** One entry that a network of a given plan and form must have. */
export interface StateEntry {
  /** The original PyTorch name. */
  readonly name: string;
  /** Shape in memory. */
  readonly shape: readonly number[];
  readonly role: StateRole;
  /** The block that it belongs to; undefined for the classifier. */
  readonly block: BlockPlan | undefined;
  /** Whether the optimiser changes it. */
  readonly trainable: boolean;
  /** Weight decay as the authors train: none on biases, nor on the BN weights of the 3×3 and 1×1 branches. */
  readonly decay: boolean;
}

/**
 * Every entry of the network's state dict, in PyTorch's order.
 *
 * @param forms The form of all blocks, or of each (a partly fused network).
 * @see Ding et al., the authors' training script, for the weight-decay rule.
 */
export function stateLayout(plan: LayerPlan, forms: Form | readonly Form[]): StateEntry[] {
  const formOf = (index: number) => (typeof forms === "string" ? forms : forms[index]!);
  const { inFeatures, outFeatures } = plan.classifier;
  const squeeze = squeezePrefix(plan.spec);
  return [
    ...plan.blocks.flatMap((block) => blockLayout(block, formOf(block.index), squeeze)),
    entry(undefined, "linear.weight", [inFeatures, outFeatures], "matrix", true),
    entry(undefined, "linear.bias", [outFeatures], "bias", false),
  ];
}

/** The original's name of a block's squeeze-and-excitation, which tells where it stands. */
export function squeezePrefix({ squeezeExcitation }: RepVggSpec): "se" | "post_se" {
  return squeezeExcitation === "after-relu" ? "post_se" : "se";
}

function blockLayout(block: BlockPlan, form: Form, squeeze: string): StateEntry[] {
  const { inChannels, outChannels, groups, squeezeChannels } = block;
  const perGroup = inChannels / groups;
  const own = (suffix: string, shape: number[], role: StateRole, decay: boolean) =>
    entry(block, `${block.name}.${suffix}`, shape, role, decay);
  const conv = (prefix: string, k: number, i: number, o: number) => [
    own(`${prefix}.weight`, [k, k, i, o], "kernel", true),
    own(`${prefix}.bias`, [o], "bias", false),
  ];
  const bn = (prefix: string, decay: boolean) => [
    own(`${prefix}.weight`, [outChannels], "gamma", decay),
    own(`${prefix}.bias`, [outChannels], "beta", false),
    own(`${prefix}.running_mean`, [outChannels], "runningMean", false),
    own(`${prefix}.running_var`, [outChannels], "runningVar", false),
    own(`${prefix}.num_batches_tracked`, [], "numBatchesTracked", false),
  ];
  const convBn = (prefix: string, k: number) => [
    own(`${prefix}.conv.weight`, [k, k, perGroup, outChannels], "kernel", true),
    ...bn(`${prefix}.bn`, false),
  ];
  return [
    ...(form === "deploy"
      ? conv("rbr_reparam", 3, perGroup, outChannels)
      : [...(block.identity ? bn("rbr_identity", true) : []), ...convBn("rbr_dense", 3), ...convBn("rbr_1x1", 1)]),
    ...(squeezeChannels > 0
      ? [
          ...conv(`${squeeze}.down`, 1, outChannels, squeezeChannels),
          ...conv(`${squeeze}.up`, 1, squeezeChannels, outChannels),
        ]
      : []),
  ];
}

function entry(
  block: BlockPlan | undefined,
  name: string,
  shape: readonly number[],
  role: StateRole,
  decay: boolean,
): StateEntry {
  const trainable = role !== "runningMean" && role !== "runningVar" && role !== "numBatchesTracked";
  return { name, shape, role, block, trainable, decay: trainable && decay };
}
