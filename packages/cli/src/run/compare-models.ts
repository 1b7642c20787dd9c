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

const BATCH = 16;
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
  // The very same arrays would give the same answers again.
  const after = a.state === b.state ? before : await logitsOf(device, b, inputs.device);
  const comparison = compareLogits(after, before);
  const float64 = compareIn64(a, b, inputs.float64);
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
    trainingModeError: trainingModeError([a, b], inputs.float64.at(-1)!),
    problems: [a, b].flatMap((model) => examineStatistics(planOf(model), model.state)),
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

function planOf({ spec }: Runnable, images?: Images): LayerPlan {
  return layerPlan(spec, images ? [images.shape[1], images.shape[2]] : [1, 1]);
}

/** The worst of all batches. */
function compareIn64(a: Runnable, b: Runnable, batches: readonly Images[]): Proof["float64"] {
  const compared = batches.map((images) => {
    const [before, after] = [a, b].map((model) => predict64(planOf(model, images), model.state, images));
    return { ...compareLogits(after!, before!), images: images.shape[0] };
  });
  const largest = (key: "maxAbsoluteError" | "maxRelativeError") => Math.max(...compared.map((each) => each[key]));
  const images = compared.reduce((sum, each) => sum + each.images, 0);
  return {
    maxAbsoluteError: largest("maxAbsoluteError"),
    maxRelativeError: largest("maxRelativeError"),
    agreement: compared.reduce((sum, each) => sum + each.agreement * each.images, 0) / images,
    images,
    imageSize: batches[0]!.shape.slice(1, 3),
  };
}

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

function trainingModeError(models: readonly Runnable[], images: Images): number | null {
  const model = models.find(({ form }) => form !== "deploy");
  if (model === undefined) return null;
  const [running, batch] = (["running", "batch"] as const).map((statistics) =>
    predict64(planOf(model, images), model.state, images, { statistics }),
  );
  return compareLogits(batch!, running!).maxRelativeError;
}
