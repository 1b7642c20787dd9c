import { basename } from "node:path";
import { saveTensors } from "@repvgg/checkpoint/node";
import { type NdArray, ndArray, RepvggError } from "@repvgg/core";
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

/**
 * The most probable classes of image files, and of all images in folders. With `--logits` their logits [N, C] are written, too: a row
 * for each image, in the order of the answer, and their names as the file's metadata `images`.
 */
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
      const rows: Float32Array[] = [];
      for (const image of images) {
        const { data } = await network.predict(await preprocessImageFile(image, preprocessing));
        value.push({ image, classes: likeliest(data, model, options.topK) });
        if (options.logits !== undefined) rows.push(data);
      }
      if (options.logits !== undefined) {
        const logits = stacked(rows, model.spec.numClasses);
        await saveTensors(options.logits, new Map([["logits", logits]]), { images: JSON.stringify(images) });
      }
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

function stacked(rows: readonly Float32Array[], numClasses: number): NdArray {
  const all = new Float32Array(rows.length * numClasses);
  rows.forEach((row, i) => {
    all.set(row, i * numClasses);
  });
  return ndArray([rows.length, numClasses], all);
}

function likeliest(logits: Float32Array, { classes, classIds }: TrainedModel, topK: number): Prediction["classes"] {
  const probabilities = softmax(logits);
  const order = [...probabilities.keys()].sort((a, b) => probabilities[b]! - probabilities[a]! || a - b);
  const named = (index: number) => ({
    index,
    ...(classIds && { id: classIds[index]! }),
    name: classes?.[index] ?? String(index),
    probability: probabilities[index]!,
  });
  return order.slice(0, topK).map(named);
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
