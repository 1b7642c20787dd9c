import type { AuxiliaryPlan, BlockPlan, LayerPlan } from "./layer-plan.ts";
import { sizeOf } from "./nd-array.ts";
import { type Form, type Forms, formOfBlock } from "./spec.ts";
import { type StateEntry, squeezePrefix, stateLayout } from "./state-layout.ts";

/** One layer of a network, as torchsummary lists it. */
export interface LayerProfile {
  /** Its PyTorch name, `stage1.0.rbr_dense.conv`. */
  readonly name: string;
  /** PyTorch's class. */
  readonly type: "Conv2d" | "BatchNorm2d" | "ReLU" | "Sigmoid" | "AdaptiveAvgPool2d" | "Linear";
  /** Of one image: `[height, width, channels]`, of a classifier `[numClasses]`. */
  readonly outputShape: readonly number[];
  /** Trainable ones. */
  readonly params: number;
  /** Multiplications with an addition, of one image; convolutions and the classifier only, without biases. */
  readonly macs: number;
}

/** What a network costs. */
export interface Profile {
  readonly params: number;
  readonly macs: number;
  /** Multiplications when each 3×3 convolution of stride 1 is done by Winograd's F(2×2, 3×3): 4/9 of its MACs. */
  readonly winogradMultiplications: number;
  readonly layers: readonly LayerProfile[];
}

/**
 * Parameters, multiply–accumulates and Winograd multiplications of a network, for one image of the plan's size.
 *
 * @param forms Of all blocks, or of each. Train form counts its three branches; the auxiliary classifiers count as long as a block is
 *   in it.
 * @see Ding et al., RepVGG, §4.1 and table 4, for the Winograd count. https://arxiv.org/abs/2101.03697
 */
export function profile(plan: LayerPlan, forms: Forms): Profile {
  const trainable = stateLayout(plan, forms).filter((entry) => entry.trainable);
  const params = (prefix: string) => parametersOf(trainable, prefix);
  const layers: LayerProfile[] = [];
  const auxiliary = plan.auxiliary.filter(({ name }) => trainable.some((entry) => entry.auxiliary?.name === name));
  let winograd = 0;
  for (const block of plan.blocks) {
    for (const layer of blockLayers(block, formOfBlock(forms, block.index), squeezePrefix(plan.spec))) {
      layers.push({ ...layer, params: params(layer.name) });
      const isWinograd = block.stride === 1 && /rbr_(dense\.conv|reparam)$/.test(layer.name);
      winograd += isWinograd ? (layer.macs * 4) / 9 : layer.macs;
    }
    const head = auxiliary.find(({ after }) => after === block.index);
    for (const layer of head ? auxiliaryLayers(head, plan.spec.numClasses) : []) {
      layers.push({ ...layer, params: params(layer.name) });
      winograd += layer.macs;
    }
  }
  const { inFeatures, outFeatures } = plan.classifier;
  const macs = inFeatures * outFeatures;
  layers.push({ name: "gap", type: "AdaptiveAvgPool2d", outputShape: [1, 1, inFeatures], params: 0, macs: 0 });
  layers.push({ name: "linear", type: "Linear", outputShape: [outFeatures], params: params("linear"), macs });
  return {
    params: sum(layers.map((layer) => layer.params)),
    macs: sum(layers.map((layer) => layer.macs)),
    // Whole: the MACs of a 3×3 convolution are a multiple of 9.
    winogradMultiplications: winograd + macs,
    layers,
  };
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);

function parametersOf(entries: readonly StateEntry[], layer: string): number {
  return sum(
    entries.filter(({ name }) => name.slice(0, name.lastIndexOf(".")) === layer).map(({ shape }) => sizeOf(shape)),
  );
}

type Layer = Omit<LayerProfile, "params">;

function auxiliaryLayers({ name, channels, outputSize }: AuxiliaryPlan, numClasses: number): Layer[] {
  const outputShape = [...outputSize, channels];
  return [
    { name: `${name}.0.conv`, type: "Conv2d", outputShape, macs: outputSize[0] * outputSize[1] * 9 * channels ** 2 },
    { name: `${name}.0.bn`, type: "BatchNorm2d", outputShape, macs: 0 },
    { name: `${name}.0.relu`, type: "ReLU", outputShape, macs: 0 },
    { name: `${name}.1`, type: "AdaptiveAvgPool2d", outputShape: [1, 1, channels], macs: 0 },
    { name: `${name}.3`, type: "Linear", outputShape: [numClasses], macs: channels * numClasses },
  ];
}

function blockLayers(block: BlockPlan, form: Form, squeeze: string): Layer[] {
  const { name, inChannels, outChannels, groups, squeezeChannels } = block;
  const [height, width] = block.outputSize;
  const outputShape = [height, width, outChannels];
  const layer = (suffix: string, type: Layer["type"], macs = 0, shape = outputShape): Layer => ({
    name: `${name}.${suffix}`,
    type,
    outputShape: shape,
    macs,
  });
  const macsOf = (taps: number) => height * width * taps * (inChannels / groups) * outChannels;
  const branches =
    form === "deploy"
      ? [layer("rbr_reparam", "Conv2d", macsOf(9))]
      : [
          ...(block.identity ? [layer("rbr_identity", "BatchNorm2d")] : []),
          layer("rbr_dense.conv", "Conv2d", macsOf(9)),
          layer("rbr_dense.bn", "BatchNorm2d"),
          layer("rbr_1x1.conv", "Conv2d", macsOf(1)),
          layer("rbr_1x1.bn", "BatchNorm2d"),
        ];
  const relu = layer("nonlinearity", "ReLU");
  if (squeezeChannels === 0) return [...branches, relu];
  const macs = outChannels * squeezeChannels;
  const excitation = [
    layer(`${squeeze}.down`, "Conv2d", macs, [1, 1, squeezeChannels]),
    layer(`${squeeze}.up`, "Conv2d", macs, [1, 1, outChannels]),
    layer(`${squeeze}`, "Sigmoid"),
  ];
  return squeeze === "se" ? [...branches, ...excitation, relu] : [...branches, relu, ...excitation];
}
