import { type AuxiliaryPlan, type Form, type Images, type LayerPlan, squeezePrefix } from "@repvgg/core";
import { type BatchNorm64, type BatchNormTape, batchNormInference64, batchNormTrain64 } from "./batch-norm64.ts";
import { conv64 } from "./conv64.ts";
import { globalPool64, linear64, type SqueezeTape, squeeze64 } from "./squeeze64.ts";
import { add64, addBias64, map64, type State64, type Tensor64, tensor64 } from "./tensor64.ts";

export interface ForwardOptions {
  /** `train`: statistics of the batch in every batch normalization. `inference`: the running ones. */
  readonly mode: "train" | "inference";
  /** Form of all blocks or of each. @default what the state's names say */
  readonly forms?: Form | readonly Form[];
  /**
   * ReLU masks to hold fixed, one a block: 1 passes a value on, even a negative one. With the masks of a float32
   * implementation, its gradients and these differ by rounding only.
   */
  readonly masks?: readonly Uint8Array[];
}

/** What {@link backward64} needs of one block. */
export interface BlockTape {
  readonly form: Form;
  readonly x: Tensor64;
  /** Branch name → its normalization; train mode and train form only. */
  readonly batchNorms: ReadonlyMap<string, BatchNormTape>;
  /** Sum of the branches. */
  readonly sum: Tensor64;
  readonly squeeze: SqueezeTape | undefined;
  /** What the mask applies to. */
  readonly beforeRelu: Tensor64;
  readonly mask: Uint8Array;
  readonly y: Tensor64;
}

/** What {@link backward64} needs of one auxiliary classifier. */
export interface AuxiliaryTape {
  /** `[N, numClasses]`, row-major. */
  readonly logits: Float64Array;
  readonly batchNorm: BatchNormTape;
  /** Before the ReLU. */
  readonly normalized: Tensor64;
  readonly pooled: Tensor64;
}

export interface Forward64 {
  /** `[N, numClasses]`, row-major. */
  readonly logits: Float64Array;
  /** Of the auxiliary classifiers, in the plan's order. Empty in inference mode. */
  readonly auxiliary: readonly AuxiliaryTape[];
  /** ReLU mask of each block. */
  readonly masks: readonly Uint8Array[];
  /** By entry name: running_mean and running_var after the step. Empty in inference mode. */
  readonly runningStatistics: ReadonlyMap<string, Float64Array>;
  /** By normalization (`stage1.0.rbr_dense.bn`): mean and biased variance of the batch. Empty in inference mode. */
  readonly batchStatistics: ReadonlyMap<string, { mean: Float64Array; variance: Float64Array }>;
  readonly plan: LayerPlan;
  readonly state: State64;
  readonly blocks: readonly BlockTape[];
  readonly pooled: Tensor64;
}

export function batchNorm64(state: State64, prefix: string): BatchNorm64 {
  const entry = (suffix: string) => state.get(`${prefix}.${suffix}`)!;
  return {
    gamma: entry("weight"),
    beta: entry("bias"),
    runningMean: entry("running_mean"),
    runningVar: entry("running_var"),
  };
}

/**
 * A slow, plain forward pass in float64, of any form and any spec, to compare implementations with.
 *
 * @param images `[N, H, W, C]` as the plan's.
 */
export function forward64(plan: LayerPlan, state: State64, images: Images, options: ForwardOptions): Forward64 {
  const { mode, forms, masks } = options;
  const squeeze = plan.spec.squeezeExcitation;
  const blocks: BlockTape[] = [];
  let x = tensor64(images.shape, images.data);
  for (const block of plan.blocks) {
    const form =
      (typeof forms === "string" ? forms : forms?.[block.index]) ??
      (state.has(`${block.name}.rbr_reparam.weight`) ? "deploy" : "train");
    const batchNorms = new Map<string, BatchNormTape>();
    const normalize = (y: Tensor64, branch: string) => {
      const bn = batchNorm64(state, `${block.name}.${branch}`);
      if (mode === "inference") return batchNormInference64(y, bn);
      const { y: normalized, tape } = batchNormTrain64(y, bn);
      batchNorms.set(branch, tape);
      return normalized;
    };
    const kernel = (branch: string) => state.get(`${block.name}.${branch}.weight`)!;
    const convolve = (branch: string) => conv64(x, kernel(branch), block);
    const sum =
      form === "deploy"
        ? addBias64(convolve("rbr_reparam"), state.get(`${block.name}.rbr_reparam.bias`)!)
        : add64(
            normalize(convolve("rbr_dense.conv"), "rbr_dense.bn"),
            normalize(convolve("rbr_1x1.conv"), "rbr_1x1.bn"),
            ...(block.identity ? [normalize(x, "rbr_identity")] : []),
          );
    const prefix = `${block.name}.${squeezePrefix(plan.spec)}`;
    const before = squeeze === "before-relu" ? squeeze64(sum, state, prefix) : undefined;
    const beforeRelu = before?.y ?? sum;
    const mask = masks?.[block.index] ?? Uint8Array.from(beforeRelu.data, (value) => (value > 0 ? 1 : 0));
    const active = map64(beforeRelu, (value, i) => (mask[i] ? value : 0));
    const after = squeeze === "after-relu" ? squeeze64(active, state, prefix) : undefined;
    const y = after?.y ?? active;
    blocks.push({ form, x, batchNorms, sum, squeeze: (before ?? after)?.tape, beforeRelu, mask, y });
    x = y;
  }
  const pooled = globalPool64(x);
  const { data: logits } = linear64(pooled, state, "linear");
  const auxiliary =
    mode === "train" ? plan.auxiliary.map((head) => auxiliary64(head, state, blocks[head.after]!.y)) : [];
  const tapes = blocks.flatMap(({ batchNorms }, index) =>
    [...batchNorms].map(([branch, tape]) => [`${plan.blocks[index]!.name}.${branch}`, tape] as const),
  );
  const ofHeads = auxiliary.map(({ batchNorm }, i) => [`${plan.auxiliary[i]!.name}.0.bn`, batchNorm] as const);
  const taken = blocks.map(({ mask }) => mask);
  return { logits, auxiliary, masks: taken, ...statistics([...tapes, ...ofHeads]), plan, state, blocks, pooled };
}

function auxiliary64({ name }: AuxiliaryPlan, state: State64, x: Tensor64): AuxiliaryTape {
  const y = conv64(x, state.get(`${name}.0.conv.weight`)!, { stride: 2, groups: 1 });
  const { y: normalized, tape: batchNorm } = batchNormTrain64(y, batchNorm64(state, `${name}.0.bn`));
  const pooled = globalPool64(map64(normalized, (value) => Math.max(value, 0)));
  return { logits: linear64(pooled, state, `${name}.3`).data, batchNorm, normalized, pooled };
}

function statistics(tapes: readonly (readonly [prefix: string, tape: BatchNormTape])[]) {
  const runningStatistics = new Map<string, Float64Array>();
  const batchStatistics = new Map<string, { mean: Float64Array; variance: Float64Array }>();
  for (const [prefix, { mean, variance, runningMean, runningVar }] of tapes) {
    batchStatistics.set(prefix, { mean, variance });
    runningStatistics.set(`${prefix}.running_mean`, runningMean).set(`${prefix}.running_var`, runningVar);
  }
  return { runningStatistics, batchStatistics };
}
