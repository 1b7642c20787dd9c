import { stat } from "node:fs/promises";
import { isTfjsFolder, loadTfjsFolder, type OpenCheckpoint, openCheckpoint, openOnnx } from "@repvgg/checkpoint/node";
import {
  checkState,
  defineSpec,
  type Forms,
  findVariant,
  layerPlan,
  type NdArray,
  type RepVggSpec,
  RepvggError,
  type Variant,
} from "@repvgg/core";
import { type Preprocessing, parsePreprocessing } from "@repvgg/data";
import { DEFAULT_IMAGE_SIZE, defaultImageSize } from "./image-size.ts";
import { exists, runFiles } from "./run-folder.ts";
import { parseStrides } from "./strides.ts";

export interface ModelOptions {
  imageSize?: number | undefined;
  numClasses?: number | undefined;
  /** Five of 1 or 2, with commas between them. */
  strides?: string | undefined;
  /** Takes the moving average of the weights that a training put into its file; `"if any"`: where there is one. */
  emaWeights?: boolean | "if any" | undefined;
}

/** What `MODEL` or `CKPT` names. */
export interface Model {
  /** The variant's name, or the checkpoint's file. */
  readonly name: string;
  readonly spec: RepVggSpec;
  /** A list of each block's where the network is partly fused. */
  readonly form: Forms;
  readonly imageSize: readonly [height: number, width: number];
  /** Absent for a named network, which has no weights. */
  readonly checkpoint?: OpenCheckpoint;
}

/** A model that was read from a file. */
export interface TrainedModel extends Model {
  readonly checkpoint: OpenCheckpoint;
  /** Its arrays may still be in the file. */
  readonly state: ReadonlyMap<string, NdArray>;
  readonly classes: readonly string[] | undefined;
  readonly classIds: readonly string[] | undefined;
  readonly preprocessing: Preprocessing | undefined;
}

/**
 * A named network, or a checkpoint.
 *
 * @throws {RepvggError} `E_USAGE`: it is neither a file nor a name, or `numClasses` contradicts the checkpoint;
 *   `E_CHECKPOINT`: the file cannot be used.
 */
export async function loadModel(model: string, options: ModelOptions = {}): Promise<Model> {
  if (await isFile(model)) {
    const loaded = await loadTrained(model, options);
    const { numClasses = loaded.spec.numClasses } = options;
    if (numClasses === loaded.spec.numClasses) return withStrides(loaded, options.strides);
    throw new RepvggError(
      "E_USAGE",
      `--num-classes is ${numClasses}, but ${model} has ${loaded.spec.numClasses} classes.`,
    );
  }
  const variant = variantOf(model);
  if (options.emaWeights) {
    throw new RepvggError("E_USAGE", `--ema-weights is for a checkpoint, and ${model} is a name. Leave it out.`);
  }
  const { numClasses = variant.spec.numClasses } = options;
  const strides = options.strides === undefined ? variant.spec.strides : parseStrides(options.strides);
  const spec = defineSpec({ ...variant.spec, numClasses, strides });
  const size = options.imageSize ?? defaultImageSize(variant);
  return { name: variant.name, spec, form: "train", imageSize: [size, size] };
}

/** @throws {RepvggError} `E_USAGE`: with these strides the network has other identity branches than the checkpoint. */
function withStrides(model: TrainedModel, text: string | undefined): TrainedModel {
  if (text === undefined) return model;
  try {
    return restrided(model, parseStrides(text));
  } catch (cause) {
    if (!(cause instanceof RepvggError) || cause.code !== "E_STATE") throw cause;
    throw new RepvggError("E_USAGE", `--strides ${text} does not fit ${model.name}. ${cause.message}`, { cause });
  }
}

/** @throws {RepvggError} `E_STATE`: with these strides the network has other identity branches than the checkpoint. */
export function restrided(model: TrainedModel, strides: RepVggSpec["strides"]): TrainedModel {
  const spec = defineSpec({ ...model.spec, strides });
  checkState(layerPlan(spec, [1, 1]), model.form, model.state);
  return { ...model, spec };
}

function variantOf(name: string): Variant {
  try {
    return findVariant(name);
  } catch (cause) {
    throw new RepvggError("E_USAGE", `There is no file "${name}". ${(cause as Error).message}`, { cause });
  }
}

/** A path that exists, or could only be meant as one. */
async function isFile(model: string): Promise<boolean> {
  return /[/\\]|\.(safetensors|pth|pt)$/i.test(model) || (await exists(model));
}

/**
 * A checkpoint: a file, or a run folder's best.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: there is none, or it cannot be used.
 */
export async function loadTrained(path: string, options: ModelOptions = {}): Promise<TrainedModel> {
  const file = await checkpointFile(path);
  const checkpoint = await read(file, options.emaWeights ?? false);
  const { spec, form, state, classes, classIds } = checkpoint;
  const preprocessing = checkpoint.preprocessing && parsePreprocessing(checkpoint.preprocessing, file);
  const own = preprocessing?.size ?? ([DEFAULT_IMAGE_SIZE, DEFAULT_IMAGE_SIZE] as const);
  const imageSize = options.imageSize ? ([options.imageSize, options.imageSize] as const) : own;
  return { name: file, spec, form, imageSize, checkpoint, state, classes, classIds, preprocessing };
}

/** @throws {RepvggError} `E_CHECKPOINT`: it cannot be used, or has no average. */
async function read(file: string, ema: boolean | "if any"): Promise<OpenCheckpoint> {
  const [folder, onnx] = [await isTfjsFolder(file), await isOnnx(file)];
  if (ema === true && (folder || onnx)) {
    throw new RepvggError("E_CHECKPOINT", `${file} has no averaged weights. Leave --ema-weights out.`);
  }
  if (folder) return loadTfjsFolder(file);
  return onnx ? openOnnx(file) : openCheckpoint(file, { ema });
}

/** Only what `export` wrote; that is said in the error where it is another. */
async function isOnnx(file: string): Promise<boolean> {
  return /\.onnx$/i.test(file) && (await exists(file));
}

async function checkpointFile(path: string): Promise<string> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder || (await isTfjsFolder(path))) return path;
  const { best, last } = runFiles(path);
  for (const file of [best, last]) if (await exists(file)) return file;
  throw new RepvggError(
    "E_CHECKPOINT",
    `The folder ${path} has no best.safetensors. Give a folder that train or distill wrote, or a .safetensors, .pth or .pt file.`,
  );
}
