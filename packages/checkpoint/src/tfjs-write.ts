import { checkState, layerPlan, type NdArray, RepvggError, sizeOf, stateValue } from "@repvgg/core";
import { type Checkpoint, checkClasses } from "./checkpoint.ts";
import { fromFloat32 } from "./dtypes.ts";
import { OWN_METADATA, ownMetadata } from "./own-metadata.ts";
import { type TfjsWeight, tfjsGraph, tfjsTopology } from "./tfjs-graph.ts";

export interface TfjsOptions {
  /** Height and width that the input is fixed to. @default any */
  imageSize?: readonly [height: number, width: number];
}

export const TFJS_MODEL = "model.json";
/** As TensorFlow's own converter cuts the weights, so that browsers can cache and fetch them side by side. */
const SHARD_BYTES = 4 * 2 ** 20;

/**
 * A network as a TensorFlow.js LayersModel, in any form: what `tf.loadLayersModel` reads, `model.json` and the weights' shards.
 *
 * The input is `[batch, height, width, channels]`. Groups become kernels for all channels, with zeros: the same answers, more work.
 * The spec, classes and preprocessing are in `userDefinedMetadata`.
 *
 * @returns Files of one folder, by name.
 * @throws {RepvggError} `E_CHECKPOINT`: classes do not fit; `E_STATE`: the state does not fit the spec, or is not finite;
 *   `E_UNSUPPORTED`: there are auxiliary classifiers, which the layers of a model that gives logits have no place for.
 */
export function serializeTfjs(checkpoint: Checkpoint, { imageSize }: TfjsOptions = {}): Map<string, Uint8Array> {
  const { spec, form, state } = checkpoint;
  const plan = layerPlan(spec, [1, 1]);
  if (form !== "deploy" && spec.auxiliaryHeads) {
    throw new RepvggError(
      "E_UNSUPPORTED",
      "A TensorFlow.js model has no place for auxiliary classifiers, which only the deploy form is without: fuse the network first.",
    );
  }
  checkState(plan, form, state);
  checkClasses(checkpoint, spec, "The checkpoint to export");
  const graph = tfjsGraph(plan, form, imageSize);
  const data = weightsData(graph.weights, state);
  const shards = Math.ceil(data.length / SHARD_BYTES);
  const names = Array.from({ length: shards }, (_, i) => `group1-shard${i + 1}of${shards}.bin`);
  const model = {
    format: "layers-model",
    generatedBy: "repvgg",
    convertedBy: null,
    modelTopology: tfjsTopology(graph),
    weightsManifest: [
      { paths: names, weights: graph.weights.map(({ name, shape }) => ({ name, shape, dtype: "float32" })) },
    ],
    userDefinedMetadata: { [OWN_METADATA]: ownMetadata(checkpoint), ...(imageSize && { imageSize }) },
  };
  return new Map([
    [TFJS_MODEL, new TextEncoder().encode(JSON.stringify(model))],
    ...names.map((name, i) => [name, data.subarray(i * SHARD_BYTES, (i + 1) * SHARD_BYTES)] as const),
  ]);
}

function weightsData(weights: readonly TfjsWeight[], state: ReadonlyMap<string, NdArray>): Uint8Array {
  const data = new Float32Array(weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0));
  let at = 0;
  for (const { entry, shape, groups } of weights) {
    const array = stateValue(state, entry);
    data.set(groups === 1 ? array.data : denseKernel(array, groups), at);
    at += sizeOf(shape);
  }
  return fromFloat32(data, "F32");
}

/** `[kh, kw, I/groups, O]` → `[kh, kw, I, O]`, zeros where an output does not see an input. */
function denseKernel({ shape, data }: NdArray, groups: number): Float32Array {
  const [kh, kw, inputs, O] = shape as [number, number, number, number];
  const dense = new Float32Array(data.length * groups);
  const outputs = O / groups;
  for (let row = 0; row < kh * kw * inputs; row++) {
    const [tap, i] = [Math.floor(row / inputs), row % inputs];
    for (let g = 0; g < groups; g++) {
      const from = row * O + g * outputs;
      dense.set(data.subarray(from, from + outputs), (tap * inputs * groups + g * inputs + i) * O + g * outputs);
    }
  }
  return dense;
}
