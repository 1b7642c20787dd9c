import { RepvggError } from "./errors.ts";
import { nearestName } from "./nearest-name.ts";
import { defineSpec, type RepVggSpec } from "./spec.ts";

/** A network with a name. */
export interface Variant {
  /** Lower case, `repvgg-a0`. */
  readonly name: string;
  readonly spec: RepVggSpec;
  /** Height and width in pixels of the images that it is made for. */
  readonly imageSize: number;
  /** Published ImageNet-1k top-1 accuracy, a fraction; undefined where nothing is published. */
  readonly top1: number | undefined;
  /** Where the accuracy was published. */
  readonly source: string | undefined;
}

type Widths = RepVggSpec["widthMultiplier"];

const PAPER = "Ding et al. 2021, https://arxiv.org/abs/2101.03697";
const AUTHORS = "the authors' repository, https://github.com/DingXiaoH/RepVGG";

const A_BLOCKS = [2, 4, 14, 1] as const;
const B_BLOCKS = [4, 6, 16, 1] as const;
const LAST_GROUPED_LAYER = 26;

/** Every second layer is grouped, so that no two grouped ones follow each other and channels still mix. */
function everySecond(groups: number): Record<number, number> {
  const layers: Record<number, number> = {};
  for (let layer = 2; layer <= LAST_GROUPED_LAYER; layer += 2) layers[layer] = groups;
  return layers;
}

function imageNet(
  name: string,
  numBlocks: RepVggSpec["numBlocks"],
  widthMultiplier: Widths,
  top1: number | undefined,
  more: Partial<RepVggSpec> & { source?: string; imageSize?: number } = {},
): Variant {
  const { source = PAPER, imageSize = 224, ...rest } = more;
  return {
    name,
    spec: defineSpec({ numBlocks, widthMultiplier, ...rest }),
    imageSize,
    top1,
    source: top1 === undefined ? undefined : source,
  };
}

function small(name: string, imageSize: number, spec: Parameters<typeof defineSpec>[0]): Variant {
  return { name, spec: defineSpec(spec), imageSize, top1: undefined, source: undefined };
}

/**
 * The named networks: those of the paper, D2se and RepVGGplus of the authors' repository, and ones for small images.
 *
 * The accuracies are what was published for the weights released under that name, not measured by this package. Of B2g2 and B3g2
 * neither the paper nor the repository gives one.
 */
export const VARIANTS: readonly Variant[] = [
  imageNet("repvgg-a0", A_BLOCKS, [0.75, 0.75, 0.75, 2.5], 0.7241),
  imageNet("repvgg-a1", A_BLOCKS, [1, 1, 1, 2.5], 0.7446),
  imageNet("repvgg-a2", A_BLOCKS, [1.5, 1.5, 1.5, 2.75], 0.7648),
  imageNet("repvgg-b0", B_BLOCKS, [1, 1, 1, 2.5], 0.7514),
  imageNet("repvgg-b1", B_BLOCKS, [2, 2, 2, 4], 0.7837),
  imageNet("repvgg-b1g2", B_BLOCKS, [2, 2, 2, 4], 0.7778, { groups: everySecond(2) }),
  imageNet("repvgg-b1g4", B_BLOCKS, [2, 2, 2, 4], 0.7758, { groups: everySecond(4) }),
  imageNet("repvgg-b2", B_BLOCKS, [2.5, 2.5, 2.5, 5], 0.7878),
  imageNet("repvgg-b2g2", B_BLOCKS, [2.5, 2.5, 2.5, 5], undefined, { groups: everySecond(2) }),
  imageNet("repvgg-b2g4", B_BLOCKS, [2.5, 2.5, 2.5, 5], 0.7938, { groups: everySecond(4) }),
  imageNet("repvgg-b3", B_BLOCKS, [3, 3, 3, 5], 0.8052),
  imageNet("repvgg-b3g2", B_BLOCKS, [3, 3, 3, 5], undefined, { groups: everySecond(2) }),
  imageNet("repvgg-b3g4", B_BLOCKS, [3, 3, 3, 5], 0.8021, { groups: everySecond(4) }),
  imageNet("repvgg-d2se", [8, 14, 24, 1], [2.5, 2.5, 2.5, 5], 0.8355, {
    squeezeExcitation: "before-relu",
    source: AUTHORS,
    imageSize: 320, // trained at 224, published at 320
  }),
  imageNet("repvggplus-l2pse", [8, 14, 24, 1], [2.5, 2.5, 2.5, 5], 0.8406, {
    squeezeExcitation: "after-relu",
    auxiliaryHeads: true,
    source: AUTHORS,
    imageSize: 320, // trained at 256, published at 320
  }),
  // A0's widths and depth; stem and stage 1 keep the resolution, so that 32×32 images (CIFAR) give stage 4 a 4×4 map.
  small("repvgg-a0-32", 32, {
    numBlocks: A_BLOCKS,
    widthMultiplier: [0.75, 0.75, 0.75, 2.5],
    strides: [1, 1, 2, 2, 2],
    numClasses: 10,
  }),
  // A0's widths and depth; its stem keeps the resolution, so that 64×64 images give stage 4 a 4×4 map.
  small("repvgg-a0-64", 64, {
    numBlocks: A_BLOCKS,
    widthMultiplier: [0.75, 0.75, 0.75, 2.5],
    strides: [1, 2, 2, 2, 2],
    numClasses: 200,
  }),
  small("mnist-teacher", 28, {
    numBlocks: [1, 1, 2, 1],
    widthMultiplier: [0.25, 0.25, 0.25, 0.25],
    strides: [1, 2, 2, 2, 2],
    numClasses: 10,
  }),
  small("mnist-student", 28, {
    numBlocks: [1, 1, 1, 1],
    widthMultiplier: [0.0625, 0.0625, 0.0625, 0.0625],
    strides: [1, 2, 2, 2, 2],
    numClasses: 10,
  }),
];

const key = (name: string) =>
  name
    .toLowerCase()
    .replace(/^repvgg(plus)?[-_]?/, "")
    .replaceAll("_", "-");

/**
 * The variant that a spec is of, whatever its classes and input channels are; undefined for a network without a name.
 */
export function variantOf(spec: RepVggSpec): Variant | undefined {
  const body = ({ numBlocks, widthMultiplier, groups, squeezeExcitation, auxiliaryHeads, strides }: RepVggSpec) =>
    JSON.stringify([numBlocks, widthMultiplier, groups, squeezeExcitation, auxiliaryHeads, strides]);
  return VARIANTS.find((variant) => body(variant.spec) === body(spec));
}

/**
 * The variant of that name; case and the prefix `repvgg-` (or `repvggplus-`) do not matter.
 *
 * @throws {RepvggError} `E_USAGE`: there is none; the message gives the nearest name.
 */
export function findVariant(name: string): Variant {
  const wanted = key(name);
  const found = VARIANTS.find((variant) => key(variant.name) === wanted);
  if (found) return found;
  const nearest = nearestName(
    wanted,
    VARIANTS.map((variant) => key(variant.name)),
  );
  const suggestion = VARIANTS.find((variant) => key(variant.name) === nearest)!.name;
  throw new RepvggError(
    "E_USAGE",
    `There is no variant "${name}". Did you mean ${suggestion}? They are: ${VARIANTS.map((variant) => variant.name).join(", ")}.`,
  );
}
