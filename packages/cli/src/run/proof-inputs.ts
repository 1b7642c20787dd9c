import { type Images, layerPlan, ndArray, profile, type RepVggSpec, seededRandom, sizeOf } from "@repvgg/core";
import type { Preprocessing } from "@repvgg/data";
import { preprocessImageFile } from "@repvgg/data/node";
import type { Terminal } from "../terminal.ts";
import type { TrainedModel } from "./model.ts";
import { assumedPreprocessing, resized } from "./predict-images.ts";

export interface ProofInputOptions {
  /** Image files. */
  images: readonly string[];
  randomImages: number;
  seed: number;
}

/** The images that two networks are compared on. */
export interface ProofInputs {
  /** For the device, at the networks' own size: random ones, then those given. */
  readonly device: Images;
  /** For the comparison in float64, smaller: random ones of an odd shape, and those given. */
  readonly float64: readonly Images[];
  /** Files that `device` ends with. */
  readonly files: readonly string[];
}

type Size = readonly [height: number, width: number];

/** Multiplications of a run in float64, which take a quarter of a second. */
const FLOAT64_MACS = 2.5e8;
/** Large enough that the windows of the last stage have more than their centre. */
const FLOAT64_MIN_SIZE = 40;
const FLOAT64_RANDOM_IMAGES = 2;
const FLOAT64_FILES = 4;

/**
 * Random images and image files, prepared as the model says.
 *
 * @throws {RepvggError} `E_DATA`: a file is missing or no image; `E_CHECKPOINT`: nobody says how to prepare it.
 */
export async function proofInputs(
  model: Pick<TrainedModel, "name" | "spec" | "preprocessing">,
  imageSize: Size,
  { images, randomImages: count, seed }: ProofInputOptions,
  terminal: Terminal,
): Promise<ProofInputs> {
  const { spec } = model;
  const random = randomImages([count, ...imageSize, spec.inputChannels], seed);
  const small = float64Size(spec, imageSize);
  // Neither square nor even, where there is room: borders and strides then matter.
  const odd: Size = [small[0], Math.max(1, small[1] - 2)];
  const float64 = [randomImages([FLOAT64_RANDOM_IMAGES, ...odd, spec.inputChannels], seed + 1)];
  if (images.length === 0) return { device: random, float64, files: [] };
  const own = model.preprocessing ?? assumedPreprocessing(model, terminal);
  const read = async (files: readonly string[], size: Size) => {
    const prepared: Images[] = [];
    for (const file of files) prepared.push(await preprocessImageFile(file, sized(own, size)));
    return prepared;
  };
  const given = await read(images, imageSize);
  const givenSmall = await read(images.slice(0, FLOAT64_FILES), small);
  return { device: concatenated([random, ...given]), float64: [...float64, concatenated(givenSmall)], files: images };
}

function sized(preprocessing: Preprocessing, size: Size): Preprocessing {
  if (String(size) === String(preprocessing.size)) return preprocessing;
  return { ...resized(preprocessing, Math.max(...size)), size };
}

/** The networks' own size, or the largest odd one of its shape that is computed in a moment. */
function float64Size(spec: RepVggSpec, imageSize: Size): Size {
  const { macs } = profile(layerPlan(spec, imageSize), "train");
  const factor = Math.sqrt(FLOAT64_MACS / (FLOAT64_RANDOM_IMAGES * macs));
  const fitted = (size: number) => {
    const wanted = Math.max(FLOAT64_MIN_SIZE, Math.floor(size * factor));
    return wanted >= size ? size : wanted - 1 + (wanted % 2);
  };
  return [fitted(imageSize[0]), fitted(imageSize[1])];
}

function concatenated(batches: readonly Images[]): Images {
  const [, ...image] = batches[0]!.shape;
  const data = new Float32Array(batches.reduce((sum, batch) => sum + batch.data.length, 0));
  let at = 0;
  for (const batch of batches) {
    data.set(batch.data, at);
    at += batch.data.length;
  }
  return ndArray([data.length / sizeOf(image), ...image], data);
}

/** Normalised images of noise: standard normal values, the same for the same seed. */
export function randomImages(shape: Images["shape"], seed: number): Images {
  const random = seededRandom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return ndArray(shape, Float32Array.from({ length: sizeOf(shape) }, normal));
}
