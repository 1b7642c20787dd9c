import { RepvggError } from "./errors.ts";
import type { RepVggSpec } from "./spec.ts";

/** One RepVGG block of a plan. Spatial sizes are `[height, width]`. */
export interface BlockPlan {
  /** `stage0`, `stage1.0`, …, see {@link blockName}: the prefix of the block's keys in a state dict. */
  readonly name: string;
  /** 0 for the stem, then 1 to 4. */
  readonly stage: number;
  /** Position in the network, the stem being 0; what `RepVggSpec.groups` is indexed by. */
  readonly index: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly stride: 1 | 2;
  readonly groups: number;
  /** Whether the train form has the identity branch. */
  readonly identity: boolean;
  /** Channels of the squeeze of the squeeze-and-excitation; 0 without one. */
  readonly squeezeChannels: number;
  readonly inputSize: readonly [height: number, width: number];
  readonly outputSize: readonly [height: number, width: number];
}

/** An auxiliary classifier: 3×3 convolution of stride 2, batch normalization, ReLU, global average pooling, linear layer. */
export interface AuxiliaryPlan {
  /** `stage1_aux`, `stage2_aux` or `stage3_first_aux`: the prefix of its keys in a state dict. */
  readonly name: string;
  /** Index of the block whose output it reads. */
  readonly after: number;
  /** In and out of its convolution. */
  readonly channels: number;
  readonly inputSize: readonly [height: number, width: number];
  readonly outputSize: readonly [height: number, width: number];
}

/** The ordered blocks of a network on images of one size, and its classifiers. */
export interface LayerPlan {
  readonly spec: RepVggSpec;
  readonly inputSize: readonly [height: number, width: number];
  readonly blocks: readonly BlockPlan[];
  /** Global average pooling over the last block's output, then a linear layer. */
  readonly classifier: { readonly inFeatures: number; readonly outFeatures: number };
  /** Of the train form; empty without auxiliary heads. */
  readonly auxiliary: readonly AuxiliaryPlan[];
}

const BASE_CHANNELS = [64, 128, 256, 512] as const;
const SQUEEZE_REDUCTION = { none: 0, "before-relu": 16, "after-relu": 4 } as const;

/** Output size of a 3×3 convolution with padding 1, and of a 1×1 without. */
const strided = (size: number, stride: number) => Math.ceil(size / stride);

/**
 * The original's name of block `index` of stage `stage`: `stage3.7`; in RepVGGplus, which has auxiliary heads, `stage1.blocks.7`,
 * and in stage 3 `stage3_first.blocks.7` or `stage3_second.blocks.7`, each half counted from 0.
 *
 * @param count Blocks in the stage.
 */
export function blockName(stage: number, index: number, count: number, auxiliaryHeads: boolean): string {
  if (!auxiliaryHeads) return `stage${stage}.${index}`;
  if (stage !== 3) return `stage${stage}.blocks.${index}`;
  const half = count / 2;
  return index < half ? `stage3_first.blocks.${index}` : `stage3_second.blocks.${index - half}`;
}

/**
 * The ordered list of blocks with channels, stride, groups and sizes. Every consumer iterates over it; nobody recomputes it.
 *
 * @param inputSize Height and width of the images, in pixels.
 * @throws {RepvggError} `E_SPEC`: the groups do not divide a block's channels, or the image size is not positive.
 */
export function layerPlan(spec: RepVggSpec, inputSize: readonly [height: number, width: number]): LayerPlan {
  if (inputSize.length !== 2 || !inputSize.every((n) => Number.isInteger(n) && n >= 1)) {
    throw new RepvggError(
      "E_SPEC",
      `The image size must be two whole numbers, 1 or more, got [${inputSize.join(", ")}].`,
    );
  }
  const blocks: BlockPlan[] = [];
  let inChannels = spec.inputChannels;
  let size = inputSize;

  const push = (name: string, stage: number, outChannels: number, stride: number) => {
    const index = blocks.length;
    const groups = spec.groups[index] ?? 1;
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new RepvggError(
        "E_SPEC",
        `Layer ${index} (${name}) has ${inChannels} → ${outChannels} channels, which ${groups} groups do not divide.`,
      );
    }
    const outputSize = [strided(size[0], stride), strided(size[1], stride)] as const;
    const reduction = SQUEEZE_REDUCTION[spec.squeezeExcitation];
    blocks.push({
      name,
      stage,
      index,
      inChannels,
      outChannels,
      stride: stride as 1 | 2,
      groups,
      identity: stride === 1 && inChannels === outChannels,
      squeezeChannels: reduction === 0 ? 0 : Math.floor(outChannels / reduction),
      inputSize: size,
      outputSize,
    });
    inChannels = outChannels;
    size = outputSize;
  };

  push("stage0", 0, Math.min(64, Math.floor(64 * spec.widthMultiplier[0])), spec.strides[0]);
  spec.numBlocks.forEach((count, i) => {
    const channels = Math.floor(BASE_CHANNELS[i]! * spec.widthMultiplier[i]!);
    for (let b = 0; b < count; b++) {
      const name = blockName(i + 1, b, count, spec.auxiliaryHeads);
      push(name, i + 1, channels, b === 0 ? spec.strides[i + 1]! : 1);
    }
  });

  const classifier = { inFeatures: inChannels, outFeatures: spec.numClasses };
  return { spec, inputSize, blocks, classifier, auxiliary: spec.auxiliaryHeads ? auxiliaryPlans(spec, blocks) : [] };
}

function auxiliaryPlans({ numBlocks: [first, second, third] }: RepVggSpec, blocks: readonly BlockPlan[]) {
  const positions = [
    ["stage1_aux", first],
    ["stage2_aux", first + second],
    ["stage3_first_aux", first + second + third / 2],
  ] as const;
  return positions.map(([name, after]): AuxiliaryPlan => {
    const { outChannels: channels, outputSize: inputSize } = blocks[after]!; // the stem is block 0
    const outputSize = [strided(inputSize[0], 2), strided(inputSize[1], 2)] as const;
    return { name, after, channels, inputSize, outputSize };
  });
}
