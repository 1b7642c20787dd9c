import type { Device } from "@repvgg/backend";
import {
  compareLogits,
  type Form,
  type Images,
  type Logits,
  type LogitsComparison,
  layerPlan,
  ndArray,
  profile,
  type RepVggSpec,
  type StateDict,
  seededRandom,
  sizeOf,
} from "@repvgg/core";
import { grouped } from "./numbers.ts";

/** What is needed of a network to run it. */
export interface Runnable {
  readonly spec: RepVggSpec;
  readonly state: StateDict;
  readonly form: Form;
}

export interface ProofOptions {
  tolerance: number;
  images: number;
  seed: number;
}

/** What `fuse` and `verify` say. */
export interface Proof extends LogitsComparison {
  /** Largest accepted `maxRelativeError`. */
  readonly tolerance: number;
  readonly images: number;
  readonly equal: boolean;
  readonly paramsBefore: number;
  readonly paramsAfter: number;
}

const BATCH = 16;

/** Runs two networks on the same random images and compares their logits. */
export async function compareModels(
  device: Device,
  a: Runnable,
  b: Runnable,
  imageSize: readonly [height: number, width: number],
  { tolerance, images: count, seed }: ProofOptions,
): Promise<Proof> {
  const images = randomImages([count, ...imageSize, a.spec.inputChannels], seed);
  const before = await logitsOf(device, a, images);
  const after = await logitsOf(device, b, images);
  const comparison = compareLogits(after, before);
  const params = ({ spec, form }: Runnable) => profile(layerPlan(spec, imageSize), form).params;
  return {
    ...comparison,
    tolerance,
    images: count,
    equal: comparison.maxRelativeError <= tolerance,
    paramsBefore: params(a),
    paramsAfter: params(b),
  };
}

async function logitsOf(device: Device, model: Runnable, images: Images): Promise<Logits> {
  const [count, height, width] = images.shape;
  const batchSize = Math.min(BATCH, count);
  const network = await device.createNetwork({ ...model, imageSize: [height, width], batchSize });
  try {
    return await network.predict(images);
  } finally {
    network.dispose();
  }
}

/** Normalised images of noise: standard normal values, the same for the same seed. */
export function randomImages(shape: Images["shape"], seed: number): Images {
  const random = seededRandom(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return ndArray(shape, Float32Array.from({ length: sizeOf(shape) }, normal));
}

/** The figures of a proof, for people. */
export function describeProof(proof: Proof): string[] {
  const { maxAbsoluteError, maxRelativeError, tolerance, agreement, images, paramsBefore, paramsAfter } = proof;
  return [
    `  parameters          ${grouped(paramsBefore)} -> ${grouped(paramsAfter)}`,
    `  largest difference  ${maxAbsoluteError.toExponential(2)} of a logit`,
    `  relative            ${maxRelativeError.toExponential(2)} of the largest logit, ${tolerance} accepted`,
    `  same class          ${Math.round(agreement * images)} of ${images} random images`,
  ];
}
