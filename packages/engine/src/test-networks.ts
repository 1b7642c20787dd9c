import { defineSpec, type Images, type LayerPlan, layerPlan, type RepVggSpec, type StateDict } from "@repvgg/core";
import { randomImages, randomState } from "@repvgg/tooling";
import { pixelOffset } from "./layouts.ts";
import type { NetworkBuffers } from "./network-buffers.ts";

interface TestCase {
  readonly spec: RepVggSpec;
  readonly imageSize: readonly [number, number];
  readonly batch: number;
}

const spec = (widthMultiplier: RepVggSpec["widthMultiplier"], rest: Partial<RepVggSpec> = {}) =>
  defineSpec({ numBlocks: [1, 2, 1, 1], widthMultiplier, numClasses: 10, ...rest });

/**
 * Small networks that between them take every path of the compiler. Each normalizes over enough values for its gradients to be
 * well conditioned: over two, they vanish into rounding.
 */
export const TEST_NETWORKS: Readonly<Record<string, TestCase>> = {
  "odd sizes, padded channels": { spec: spec([1 / 16, 1 / 16, 1 / 16, 1 / 32]), imageSize: [13, 11], batch: 3 },
  "Winograd with few tiles": {
    spec: spec([0.25, 0.25, 0.125, 0.0625], { strides: [1, 2, 1, 2, 1] }),
    imageSize: [14, 10],
    batch: 2,
  },
  "Winograd with many tiles": {
    spec: spec([0.25, 0.125, 0.0625, 0.03125], { strides: [1, 1, 2, 2, 2], numBlocks: [2, 1, 1, 1] }),
    imageSize: [23, 22],
    batch: 5,
  },
  "one pixel left": { spec: spec([0.25, 0.125, 0.125, 0.0625]), imageSize: [5, 17], batch: 4 },
  "identity in the stem, one class": {
    spec: spec([1 / 16, 1 / 16, 1 / 16, 1 / 32], { inputChannels: 4, strides: [1, 2, 2, 2, 1], numClasses: 1 }),
    imageSize: [8, 8],
    batch: 6,
  },
  "groups of 4 channels, in one panel": {
    spec: spec([1 / 4, 1 / 4, 1 / 8, 1 / 16], { groups: { 1: 4, 2: 4, 3: 4, 4: 2 }, strides: [1, 2, 1, 2, 1] }),
    imageSize: [14, 10],
    batch: 3,
  },
  "groups of 16 channels, many tiles": {
    spec: spec([1 / 2, 1 / 2, 1 / 4, 1 / 8], { groups: { 1: 2, 2: 2, 3: 2, 4: 4 }, strides: [1, 1, 2, 2, 1] }),
    imageSize: [23, 22],
    batch: 5,
  },
  "groups of 16 and 32 channels, few tiles": {
    spec: spec([1 / 2, 1, 1 / 2, 1 / 4], { groups: { 1: 2, 2: 4, 3: 2, 4: 8 }, strides: [2, 2, 1, 2, 1] }),
    imageSize: [20, 12],
    batch: 3,
  },
  "groups of 20 channels, two of them merged": {
    spec: spec([1.25, 1.25, 0.625, 0.3125], { groups: { 1: 4, 2: 8, 3: 2, 4: 4 }, strides: [2, 1, 2, 2, 1] }),
    imageSize: [15, 18],
    batch: 3,
  },
  "squeeze-and-excitation before the ReLU": {
    spec: spec([1 / 2, 1 / 2, 1 / 4, 3 / 32], { squeezeExcitation: "before-relu", strides: [1, 2, 1, 2, 1] }),
    imageSize: [14, 11],
    batch: 3,
  },
  "squeeze-and-excitation after the ReLU, groups": {
    spec: spec([1 / 4, 1 / 2, 1 / 8, 1 / 16], {
      squeezeExcitation: "after-relu",
      groups: { 2: 2, 3: 4 },
      strides: [2, 1, 2, 1, 1],
    }),
    imageSize: [16, 13],
    batch: 4,
  },
  "auxiliary classifiers, after whole and padded panels": {
    spec: spec([1 / 4, 1 / 16, 1 / 8, 1 / 16], {
      squeezeExcitation: "after-relu",
      auxiliaryHeads: true,
      numBlocks: [1, 1, 4, 1],
      strides: [1, 2, 1, 2, 1],
    }),
    imageSize: [15, 12],
    batch: 4,
  },
};

export interface TestNetwork extends TestCase {
  readonly plan: LayerPlan;
  readonly state: StateDict;
  readonly images: Images;
}

export function testNetwork({ spec, imageSize, batch }: TestCase, form: "train" | "deploy" = "train"): TestNetwork {
  const plan = layerPlan(spec, imageSize);
  return {
    spec,
    imageSize,
    batch,
    plan,
    state: randomState(plan, form, 7),
    images: randomImages([batch, ...imageSize, spec.inputChannels], 11),
  };
}

/** Which activations passed the ReLU of each block, in the reference's order. */
export function reluMasks(floats: Float32Array, { blocks }: NetworkBuffers): Uint8Array[] {
  return blocks.map(({ block, output }) => {
    const { images, height, width } = output;
    const mask: number[] = [];
    for (let n = 0; n < images; n++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const pixel = (output.origin + pixelOffset(output, n, y, x)) / 4;
          for (let c = 0; c < block.outChannels; c++) mask.push(Number(floats[pixel + c]! > 0));
        }
      }
    }
    return Uint8Array.from(mask);
  });
}
