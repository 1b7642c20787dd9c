import type { AuxiliaryPlan, BlockPlan, LayerPlan } from "./layer-plan.ts";
import { type Form, type Forms, formOfBlock, type RepVggSpec } from "./spec.ts";

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
  /** The block that it belongs to; undefined for the classifiers. */
  readonly block: BlockPlan | undefined;
  /** The auxiliary classifier that it belongs to. */
  readonly auxiliary: AuxiliaryPlan | undefined;
  /** Whether the optimiser changes it. */
  readonly trainable: boolean;
  /** Weight decay as the authors train: none on biases, nor on the BN weights of the 3×3 and 1×1 branches. */
  readonly decay: boolean;
}

/**
 * Every entry of the network's state dict, in PyTorch's order.
 *
 * Auxiliary classifiers belong to the train form: they are there as long as a block is in it.
 *
 * @param forms The form of all blocks, or of each (a partly fused network).
 * @see Ding et al., the authors' training script, for the weight-decay rule.
 */
export function stateLayout(plan: LayerPlan, forms: Forms): StateEntry[] {
  const formOf = (index: number) => formOfBlock(forms, index);
  const { inFeatures, outFeatures } = plan.classifier;
  const squeeze = squeezePrefix(plan.spec);
  return [
    ...plan.blocks.flatMap((block) => blockLayout(block, formOf(block.index), squeeze)),
    ...linear({}, "linear", inFeatures, outFeatures),
    ...(plan.blocks.some(({ index }) => formOf(index) === "train")
      ? plan.auxiliary.flatMap((head) => auxiliaryLayout(head, outFeatures))
      : []),
  ];
}

/** The original's modules 0 (convolution, normalization, ReLU) and 3 (linear) of an auxiliary classifier. */
function auxiliaryLayout(auxiliary: AuxiliaryPlan, numClasses: number): StateEntry[] {
  const { name, channels } = auxiliary;
  return [
    entry({ auxiliary }, `${name}.0.conv.weight`, [3, 3, channels, channels], "kernel", true),
    ...batchNorm({ auxiliary }, `${name}.0.bn`, channels, false),
    ...linear({ auxiliary }, `${name}.3`, channels, numClasses),
  ];
}

type Owner = Partial<Pick<StateEntry, "block" | "auxiliary">>;

const linear = (owner: Owner, prefix: string, inFeatures: number, outFeatures: number) => [
  entry(owner, `${prefix}.weight`, [inFeatures, outFeatures], "matrix", true),
  entry(owner, `${prefix}.bias`, [outFeatures], "bias", false),
];

const batchNorm = (owner: Owner, prefix: string, channels: number, decay: boolean) => [
  entry(owner, `${prefix}.weight`, [channels], "gamma", decay),
  entry(owner, `${prefix}.bias`, [channels], "beta", false),
  entry(owner, `${prefix}.running_mean`, [channels], "runningMean", false),
  entry(owner, `${prefix}.running_var`, [channels], "runningVar", false),
  entry(owner, `${prefix}.num_batches_tracked`, [], "numBatchesTracked", false),
];

/** Whether it is the kernel of a block's 3×3 or 1×1 branch, which `customL2` takes the weight decay of. */
export const isBranchKernel = ({ name }: StateEntry) => /\.rbr_(dense|1x1)\.conv\.weight$/.test(name);

/** The original's name of a block's squeeze-and-excitation, which tells where it stands. */
export function squeezePrefix({ squeezeExcitation }: RepVggSpec): "se" | "post_se" {
  return squeezeExcitation === "after-relu" ? "post_se" : "se";
}

function blockLayout(block: BlockPlan, form: Form, squeeze: string): StateEntry[] {
  const { inChannels, outChannels, groups, squeezeChannels } = block;
  const perGroup = inChannels / groups;
  const own = (suffix: string, shape: number[], role: StateRole, decay: boolean) =>
    entry({ block }, `${block.name}.${suffix}`, shape, role, decay);
  const conv = (prefix: string, k: number, i: number, o: number) => [
    own(`${prefix}.weight`, [k, k, i, o], "kernel", true),
    own(`${prefix}.bias`, [o], "bias", false),
  ];
  const bn = (prefix: string, decay: boolean) => batchNorm({ block }, `${block.name}.${prefix}`, outChannels, decay);
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
  { block, auxiliary }: Owner,
  name: string,
  shape: readonly number[],
  role: StateRole,
  decay: boolean,
): StateEntry {
  const trainable = role !== "runningMean" && role !== "runningVar" && role !== "numBatchesTracked";
  return { name, shape, role, block, auxiliary, trainable, decay: trainable && decay };
}
