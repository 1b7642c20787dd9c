import "@tensorflow/tfjs-layers"; // the gradients
import { defineSpec, initialState, type RepVggSpec, type StateDict, type TrainableNetwork } from "@repvgg/core";
import { createTfjsNetwork } from "@repvgg/core/nn";
import { BatchLoader, InMemoryDataset, normalize } from "@repvgg/data";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";

export const SIZE = 6;
export const CLASSES = ["top left", "top right", "bottom"];

/** A network that takes milliseconds a step on the cpu backend. */
export const TINY: RepVggSpec = defineSpec({
  numBlocks: [1, 1, 1, 1],
  widthMultiplier: [1 / 16, 1 / 32, 1 / 64, 1 / 64],
  strides: [1, 2, 1, 1, 1],
  inputChannels: 1,
  numClasses: 3,
});

export function tinyNetwork(state: StateDict = initialState(TINY, 3)): TrainableNetwork<Tensor, Scalar> {
  return createTfjsNetwork({ spec: TINY, state, form: "train" });
}

/** Grey noise with one bright corner or edge, which is the class. */
export function corners(length: number, classes = CLASSES): InMemoryDataset {
  const pixels = new Uint8Array(length * SIZE * SIZE);
  const labels = Array.from({ length }, (_, i) => i % 3);
  labels.forEach((label, i) => {
    for (let y = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++) {
        const place = y >= SIZE / 2 ? 2 : x >= SIZE / 2 ? 1 : 0;
        const noise = (i * 37 + y * 101 + x * 53 + ((i * y * x) % 7) * 11) % 90;
        pixels[(i * SIZE + y) * SIZE + x] = noise + (place === label ? 150 : 0);
      }
    }
  });
  return new InMemoryDataset({ pixels, labels, classes, size: [SIZE, SIZE], channels: 1 });
}

/** Shuffled, whole batches: for training. */
export function trainingLoader(length = 48, batchSize = 8): BatchLoader {
  const transform = normalize({ mean: [0.3], std: [0.3] });
  return new BatchLoader({ dataset: corners(length), batchSize, shuffle: true, seed: 5, transform, dropLast: true });
}

/** In order, every image: for evaluation. */
export function orderedLoader(length = 20, batchSize = 8, dropLast = false): BatchLoader {
  return new BatchLoader({
    dataset: corners(length),
    batchSize,
    dropLast,
    transform: normalize({ mean: [0.3], std: [0.3] }),
  });
}
