import { basename } from "node:path";
import type { Network } from "@repvgg/core";
import { RepvggError } from "@repvgg/core";
import { IMAGENET_PREPROCESSING, type Preprocessing } from "@repvgg/data";
import { preprocessImageFile } from "@repvgg/data/node";
import type { CommandResult } from "../command.ts";
import type { Terminal } from "../terminal.ts";
import { imageFiles } from "./image-files.ts";
import { loadTrained, type TrainedModel } from "./model.ts";
import { percent } from "./numbers.ts";
import { type DeviceChoice, openDeviceOf } from "./open-device.ts";

export interface PredictOptions extends DeviceChoice {
  imageSize?: number | undefined;
  emaWeights?: boolean | undefined;
  topK: number;
  batchSize: number;
  tensor?: string | undefined;
  logits?: string | undefined;
}

interface Prediction {
  image: string;
  /** With the id where the checkpoint has ids beside the names. */
  classes: { index: number; id?: string; name: string; probability: number }[];
}

/** The most probable classes of image files, and of all images in folders. */
export async function predictImages(
  path: string,
  paths: readonly string[],
  options: PredictOptions,
  terminal: Terminal,
): Promise<CommandResult> {
  if (paths.length === 0) {
    throw new RepvggError(
      "E_USAGE",
      "No image is given. Name image files or folders, or a tensor with --tensor and --logits.",
    );
  }
  const images = await imageFiles(paths);
  const model = await loadTrained(path, { emaWeights: options.emaWeights });
  const own = model.preprocessing ?? assumedPreprocessing(model, terminal);
  const preprocessing = options.imageSize === undefined ? own : resized(own, options.imageSize);
  const device = await openDeviceOf(options, terminal);
  try {
    const network = await device.createNetwork({ ...model, imageSize: preprocessing.size });
    try {
      const value: Prediction[] = [];
      for (const image of images) value.push(await predictImage(network, image, preprocessing, model, options.topK));
      return { value, text: value.map(describe).join("\n") };
    } finally {
      network.dispose();
    }
  } finally {
    device.dispose();
  }
}

/** A checkpoint of another program says nothing of its images: ImageNet's way is by far the likeliest. */
export function assumedPreprocessing(
  { name, spec }: Pick<TrainedModel, "name" | "spec">,
  terminal: Terminal,
): Preprocessing {
  if (spec.inputChannels !== IMAGENET_PREPROCESSING.inputChannels) {
    throw new RepvggError(
      "E_CHECKPOINT",
      `${name} does not say how images are prepared, and takes ${spec.inputChannels} channels. Use --tensor and --logits.`,
    );
  }
  terminal.note(`${basename(name)} does not say how images are prepared: taking ImageNet's way, 224 pixels.`);
  return IMAGENET_PREPROCESSING;
}

/** The same share is cut off around the centre. */
export function resized(own: Preprocessing, imageSize: number): Preprocessing {
  const factor = imageSize / Math.min(...own.size);
  return {
    ...own,
    size: [imageSize, imageSize],
    resize: own.resize && Math.max(imageSize, Math.round(own.resize * factor)),
  };
}

async function predictImage(
  network: Network,
  image: string,
  preprocessing: Preprocessing,
  { classes, classIds }: TrainedModel,
  topK: number,
): Promise<Prediction> {
  const logits = await network.predict(await preprocessImageFile(image, preprocessing));
  const probabilities = softmax(logits.data);
  const order = [...probabilities.keys()].sort((a, b) => probabilities[b]! - probabilities[a]! || a - b);
  const named = (index: number) => ({
    index,
    ...(classIds && { id: classIds[index]! }),
    name: classes?.[index] ?? String(index),
    probability: probabilities[index]!,
  });
  return { image, classes: order.slice(0, topK).map(named) };
}

/** In float64, shifted by the largest logit. */
function softmax(logits: Float32Array): number[] {
  const largest = Math.max(...logits);
  const exponentials = Array.from(logits, (z) => Math.exp(z - largest));
  const sum = exponentials.reduce((a, b) => a + b, 0);
  return exponentials.map((e) => e / sum);
}

function describe({ image, classes }: Prediction): string {
  const lines = classes.map(({ name, probability }) => `  ${percent(probability).padStart(6)} %  ${name}`);
  return [image, ...lines].join("\n");
}
