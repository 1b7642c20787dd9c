import { type AuxiliaryPlan, type BlockPlan, type Forms, formOfBlock, type LayerPlan } from "@repvgg/core";
import { kernelGroups } from "./channel-groups.ts";
import { bytesOf, denseLayout, type ImageLayout, paddedLayout, panelled, TILE } from "./layouts.ts";
import type { MemoryPlan } from "./memory-plan.ts";

/** Vectors of one float a channel, by what batch normalization keeps of a branch. */
export interface BranchVectors {
  readonly mean: number;
  readonly invStd: number;
  readonly scale: number;
}

/** Everything that a block reads and writes, besides parameters. */
export interface BlockBuffers {
  readonly block: BlockPlan;
  readonly winograd: boolean;
  /** Of the convolutions, as {@link kernelGroups} says. */
  readonly groups: number;
  readonly input: ImageLayout;
  readonly output: ImageLayout;
  /** The sum of the branches, which a squeeze-and-excitation reads: the output itself where nobody needs the sum later. */
  readonly sum: ImageLayout;
  readonly squeeze: SqueezeBuffers | undefined;
  /** Dense outputs of the 3×3 and 1×1 convolutions, before batch normalization. */
  readonly dense: readonly [y3: number, y1: number];
  /** The transformed input of a Winograd block, which the kernel gradient reads too; 0 in a network that only infers. */
  readonly planes: number;
  readonly branches: readonly BranchVectors[];
  /** Sum over the branches of β − mean · scale. */
  readonly bias: number;
}

/** Of a squeeze-and-excitation, each `[N, channels in whole panels]`. */
export interface SqueezeBuffers {
  readonly pooled: number;
  /** After the ReLU. */
  readonly hidden: number;
  readonly hiddenChannels: number;
  readonly excited: number;
  /** After the sigmoid. */
  readonly scale: number;
}

/** Everything that an auxiliary classifier reads and writes in training, besides parameters. */
export interface AuxiliaryBuffers {
  readonly head: AuxiliaryPlan;
  readonly input: ImageLayout;
  /** Dense, before batch normalization. */
  readonly convolved: ImageLayout;
  /** Dense, after normalization and ReLU. */
  readonly output: ImageLayout;
  readonly vectors: BranchVectors;
  /** β − mean · scale. */
  readonly bias: number;
  /** `[N, channels in whole panels]`. */
  readonly pooled: number;
  /** `[N, classes in whole panels]`. */
  readonly logits: number;
}

/**
 * What of a forward pass stays for the backward pass: all, only the outputs of the blocks (the rest is computed again, block by
 * block: gradient checkpointing), or nothing in a network that only infers.
 */
export type Retention = "everything" | "outputs" | "nothing";

export interface NetworkBuffers {
  readonly retained: Retention;
  /** The images as they come: dense, with {@link storedInputChannels}. */
  readonly staging: number;
  readonly blocks: readonly BlockBuffers[];
  /** `[N, features]`. */
  readonly features: number;
  /** `[N, classes in whole panels]`. */
  readonly logits: number;
  /** In the plan's order; empty in a network that only infers. */
  readonly auxiliary: readonly AuxiliaryBuffers[];
}

/** State-dict prefixes of the batch normalizations of a block in train form, in the order of its branches. */
export const BRANCHES = ["rbr_dense.bn", "rbr_1x1.bn", "rbr_identity"] as const;

export const branchNames = (block: BlockPlan) => BRANCHES.slice(0, block.identity ? 3 : 2);

/** Channels of a block's input in memory: whole panels, but for images, which only an identity branch needs in panels. */
export const storedInputChannels = ({ index, identity, inChannels }: BlockPlan) =>
  index === 0 && !identity ? inChannels : panelled(inChannels);

/** Tiles of F(4×4, 3×3) across and down one image. */
export const tilesOf = ([height, width]: readonly [number, number]) =>
  Math.ceil(height / TILE) * Math.ceil(width / TILE);

/**
 * Whether the block's 3×3 convolution is a Winograd one: stride 1, whole panels of input channels, and fewer products than the
 * direct way (36 for a tile against 9 for a pixel), which small images are not. Never in an exact network.
 */
export function usesWinograd(block: BlockPlan, exact: boolean): boolean {
  const [height, width] = block.outputSize;
  return !exact && block.stride === 1 && block.index > 0 && tilesOf(block.outputSize) * 4 <= height * width;
}

/** Bytes between Winograd planes: one cache line more than the tiles, as multiples of 4096 would share cache sets. */
export const planeBytes = (tiles: number, channels: number) => tiles * channels * 4 + 64;

/** The buffers of the last block of a stage, 1 to 4. */
export const lastOfStage = ({ blocks }: NetworkBuffers, stage: number) =>
  blocks.findLast(({ block }) => block.stage === stage)!;

function placeSqueeze(
  own: (name: string, bytes: number) => number,
  batch: number,
  channels: number,
  hiddenChannels: number,
): SqueezeBuffers {
  return {
    pooled: own("squeeze pooled", bytesOf([batch, channels])),
    hidden: own("squeeze hidden", bytesOf([batch, hiddenChannels])),
    hiddenChannels,
    excited: own("squeeze excited", bytesOf([batch, channels])),
    scale: own("squeeze scale", bytesOf([batch, channels])),
  };
}

/** Places the activations. What is not retained takes turns: the blocks of a stage with two outputs, all with the rest. */
export function placeBuffers(
  memory: MemoryPlan,
  plan: LayerPlan,
  forms: Forms,
  batch: number,
  { retained, exact }: { retained: Retention; exact: boolean },
): NetworkBuffers {
  const trains = retained !== "nothing";
  const own = (keep: boolean) => (name: string, bytes: number) =>
    keep ? memory.allocate(bytes) : memory.shared(name, bytes);
  const [ownOutput, ownInner] = [own(trains), own(retained === "everything")];
  const vector = (channels: number) => memory.allocate(panelled(channels) * 4);

  const images = [batch, ...plan.inputSize, storedInputChannels(plan.blocks[0]!)] as const;
  const staging = memory.allocate(bytesOf(images));
  let input = paddedLayout((bytes) => memory.allocate(bytes), images);
  const blocks = plan.blocks.map((block): BlockBuffers => {
    const channels = panelled(block.outChannels);
    const shape = [batch, ...block.outputSize, channels] as const;
    // Those of one stage only: the output of a stage stays until the end of the pass.
    const activation = `activation ${shape} ${block.stage} ${block.index % 2}`;
    const output = paddedLayout((bytes) => ownOutput(activation, bytes), shape);
    const squeezed = block.squeezeChannels > 0;
    const winograd = usesWinograd(block, exact);
    const tiles = batch * tilesOf(block.outputSize);
    const train = formOfBlock(forms, block.index) === "train";
    const buffers: BlockBuffers = {
      block,
      winograd,
      groups: kernelGroups(block),
      input,
      output,
      sum: squeezed && trains ? paddedLayout((bytes) => ownInner(`sum ${shape}`, bytes), shape) : output,
      squeeze: squeezed ? placeSqueeze(ownOutput, batch, channels, panelled(block.squeezeChannels)) : undefined,
      dense: train ? [ownInner("y3", bytesOf(shape)), ownInner("y1", bytesOf(shape))] : [0, 0],
      planes: trains && winograd ? ownInner("planes", 36 * planeBytes(tiles, input.channels)) : 0,
      branches: train
        ? branchNames(block).map(() => ({ mean: vector(channels), invStd: vector(channels), scale: vector(channels) }))
        : [],
      bias: train ? vector(channels) : 0,
    };
    input = output;
    return buffers;
  });
  return {
    retained,
    staging,
    blocks,
    features: memory.allocate(bytesOf([batch, input.channels])),
    logits: memory.allocate(bytesOf([batch, panelled(plan.spec.numClasses)])),
    auxiliary: trains
      ? plan.auxiliary.map((head) => placeAuxiliary(memory, head, blocks[head.after]!.output, plan.spec.numClasses))
      : [],
  };
}

function placeAuxiliary(
  memory: MemoryPlan,
  head: AuxiliaryPlan,
  input: ImageLayout,
  numClasses: number,
): AuxiliaryBuffers {
  const channels = panelled(head.channels);
  const shape = [input.images, ...head.outputSize, channels] as const;
  const dense = () => denseLayout(memory.allocate(bytesOf(shape)), shape);
  const vector = () => memory.allocate(channels * 4);
  return {
    head,
    input,
    convolved: dense(),
    output: dense(),
    vectors: { mean: vector(), invStd: vector(), scale: vector() },
    bias: vector(),
    pooled: memory.allocate(bytesOf([input.images, channels])),
    logits: memory.allocate(bytesOf([input.images, panelled(numClasses)])),
  };
}
