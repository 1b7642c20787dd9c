import type { Device } from "@repvgg/backend";
import {
  compareLogits,
  compareWeights,
  examineStatistics,
  type Forms,
  type Images,
  type LayerPlan,
  type Logits,
  type LogitsComparison,
  layerPlan,
  type NdArray,
  ndArray,
  predict64,
  profile,
  type RepVggSpec,
  type StatisticsProblem,
  type WeightsDifference,
  worstPart,
} from "@repvgg/core";
import type { ProofInputs } from "./proof-inputs.ts";

/** What is needed of a network to run it. */
export interface Runnable {
  readonly spec: RepVggSpec;
  readonly state: ReadonlyMap<string, NdArray>;
  readonly form: Forms;
}

/** What `fuse`, `verify` and `export` say. */
export interface Proof extends LogitsComparison {
  readonly equal: boolean;
  /** Largest accepted `maxRelativeError` of the logits. */
  readonly tolerance: number;
  /** Random ones and those given. */
  readonly images: number;
  readonly device: string;
  /** The same in float64, on smaller images. */
  readonly float64: LogitsComparison & { readonly imageSize: readonly number[]; readonly images: number };
  /** The block whose weights are furthest apart; null for two architectures, which have no blocks in common. */
  readonly worstBlock: WeightsDifference | null;
  /** Largest accepted `worstBlock.maxRelativeError`. */
  readonly weightTolerance: number;
  readonly givenImages: readonly (LogitsComparison & { readonly image: string })[];
  /** How far the answers of the network with branches are from those that it gives in training mode; null where all is fused. */
  readonly trainingModeError: number | null;
  readonly problems: readonly StatisticsProblem[];
  readonly paramsBefore: number;
  readonly paramsAfter: number;
}

/** What is accepted as equal. */
export interface Tolerances {
  /** Of logits, as a fraction of the largest. */
  tolerance: number;
  /** Of a weight, as a fraction of the terms that it is the sum of; 1 or more: any. @default a hundredth of the other */
  weightTolerance?: number | undefined;
}

/** Images of a run, and their pixels: few, as more take memory and no less time, and a proof should run wherever the network does. */
const BATCH = 16;
const PIXELS_A_RUN = 2 * 224 * 224;
/** How much less is accepted of weights than of logits: by default 10⁻⁶, three times what fusing in float32 can amount to. */
const STRICTER = 100;

/** Runs two networks on the same images, on the device and in float64, and compares their logits and their weights. */
export async function compareModels(
  device: Device,
  a: Runnable,
  b: Runnable,
  inputs: ProofInputs,
  { tolerance, weightTolerance = tolerance / STRICTER }: Tolerances,
): Promise<Proof> {
  const before = await logitsOf(device, a, inputs.device);
  // Between the two networks: what it leaves to collect makes V8 collect the memory of the first before the second takes its own.
  const { float64, trainingModeError } = compareIn64(a, b, inputs.float64);
  // The very same arrays would give the same answers again.
  const after = a.state === b.state ? before : await logitsOf(device, b, inputs.device);
  const comparison = compareLogits(after, before);
  const parts = comparable(a.spec, b.spec) ? compareWeights(planOf(a), a.state, b.state) : null;
  const worstBlock = parts && worstPart(parts);
  const equal = [
    comparison.maxRelativeError <= tolerance,
    float64.maxRelativeError <= tolerance,
    worstBlock === null || weightTolerance >= 1 || worstBlock.maxRelativeError <= weightTolerance,
  ].every(Boolean);
  const params = ({ spec, form }: Runnable) => profile(layerPlan(spec, [1, 1]), form).params;
  return {
    ...comparison,
    equal,
    tolerance,
    images: inputs.device.shape[0],
    device: device.name,
    float64,
    worstBlock,
    weightTolerance,
    givenImages: givenImages(before, after, inputs.files),
    trainingModeError,
    problems: [a, b].flatMap((model) => examineStatistics(planOf(model), model.state)),
    paramsBefore: params(a),
    paramsAfter: params(b),
  };
}

async function logitsOf(device: Device, model: Runnable, images: Images): Promise<Logits> {
  const [count, height, width] = images.shape;
  const batchSize = Math.max(1, Math.min(BATCH, count, Math.floor(PIXELS_A_RUN / (height * width))));
  const network = await device.createNetwork({ ...model, imageSize: [height, width], batchSize });
  try {
    return await network.predict(images);
  } finally {
    network.dispose();
  }
}

function planOf({ spec }: Runnable, images?: Images): LayerPlan {
  return layerPlan(spec, images ? [images.shape[1], images.shape[2]] : [1, 1]);
}

/** The worst of all batches; and how far training mode is off on the last one, by the first network that still has branches. */
function compareIn64(
  a: Runnable,
  b: Runnable,
  batches: readonly Images[],
): Pick<Proof, "float64" | "trainingModeError"> {
  const answers = batches.map((images) => {
    const before = predictIn64(a, images);
    return { images, before, after: a.state === b.state ? before : predictIn64(b, images) };
  });
  const compared = answers.map(({ images, before, after }) => ({
    ...compareLogits(after, before),
    images: images.shape[0],
  }));
  const largest = (key: "maxAbsoluteError" | "maxRelativeError") => Math.max(...compared.map((each) => each[key]));
  const images = compared.reduce((sum, each) => sum + each.images, 0);
  const float64 = {
    maxAbsoluteError: largest("maxAbsoluteError"),
    maxRelativeError: largest("maxRelativeError"),
    agreement: compared.reduce((sum, each) => sum + each.agreement * each.images, 0) / images,
    images,
    imageSize: batches[0]!.shape.slice(1, 3),
  };
  const last = answers.at(-1)!;
  const [model, running] = a.form !== "deploy" ? [a, last.before] : [b, last.after];
  if (model.form === "deploy") return { float64, trainingModeError: null };
  const inTraining = predictIn64(model, last.images, "batch");
  return { float64, trainingModeError: compareLogits(inTraining, running).maxRelativeError };
}

const predictIn64 = (model: Runnable, images: Images, statistics: "running" | "batch" = "running") =>
  predict64(planOf(model, images), model.state, images, { statistics });

/** Whether the blocks of one stand for those of the other. */
function comparable(a: RepVggSpec, b: RepVggSpec): boolean {
  const shapes = (spec: RepVggSpec) =>
    layerPlan(spec, [1, 1]).blocks.map(({ name, inChannels, outChannels, groups, squeezeChannels }) =>
      [name, inChannels, outChannels, groups, squeezeChannels].join(),
    );
  return a.squeezeExcitation === b.squeezeExcitation && shapes(a).join(";") === shapes(b).join(";");
}

function givenImages(before: Logits, after: Logits, files: readonly string[]): Proof["givenImages"] {
  const [count, classes] = before.shape;
  const row = ({ data }: Logits, n: number) => ndArray([1, classes], data.subarray(n * classes, (n + 1) * classes));
  return files.map((image, i) => {
    const n = count - files.length + i;
    return { image, ...compareLogits(row(after, n), row(before, n)) };
  });
}
