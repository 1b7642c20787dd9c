import {
  checkState,
  type Forms,
  type LayerPlan,
  layerPlan,
  RepvggError,
  type StateDict,
  sizeOf,
  stateLayout,
  zeros,
} from "@repvgg/core";
import { type Fail, failureOf } from "./byte-source.ts";
import { checkClasses, type LoadedCheckpoint, readOwn } from "./checkpoint.ts";
import { toFloat32 } from "./dtypes.ts";
import { OWN_METADATA } from "./own-metadata.ts";
import { checkFinite } from "./tensors.ts";
import { type TfjsWeight, tfjsGraph, tfjsTopology } from "./tfjs-graph.ts";
import { TFJS_MODEL } from "./tfjs-write.ts";

/**
 * Reads a network from the files of a TensorFlow.js model that `serializeTfjs` wrote: its layers must be those of the network that
 * its metadata describe, all of them. The counters of batches, which such models lack, are 0.
 *
 * @param files By name; borrowed.
 * @param source The folder's name, for the message.
 * @throws {RepvggError} `E_CHECKPOINT`: it is damaged, was not written by this program, or its layers or weights are not those of its
 *   network.
 */
export function parseTfjs(
  files: ReadonlyMap<string, Uint8Array>,
  source = "The TensorFlow.js model",
): LoadedCheckpoint {
  const fail = failureOf(source);
  const model = readModel(files.get(TFJS_MODEL), fail);
  const { [OWN_METADATA]: own, imageSize } = object(model.userDefinedMetadata);
  if (typeof own !== "string") fail('has no metadata "repvgg": only TensorFlow.js models that repvgg wrote are read.');
  const { spec, form, classes, classIds, preprocessing } = readOwn(own as string, source);
  const plan = layerPlan(spec, [1, 1]);
  const graph = tfjsGraph(plan, form, sizeOfImage(imageSize));
  if (JSON.stringify(model.modelTopology) !== JSON.stringify(tfjsTopology(graph))) {
    fail("has other layers than its network: it was changed after it was written.");
  }
  const { paths, weights } = readManifest(model.weightsManifest, fail);
  const expected = graph.weights.map(({ name, shape }) => ({ name, shape, dtype: "float32" }));
  if (JSON.stringify(weights) !== JSON.stringify(expected)) fail("has other weights than its network.");
  const data = joined(paths, files, fail);
  const needed = 4 * graph.weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  if (data.length !== needed)
    fail(`is cut short or damaged: its weights take ${needed} bytes, and it has ${data.length}.`);
  const state = stateOf(graph.weights, data, fail);
  for (const { name, role, shape } of stateLayout(plan, form)) {
    if (role === "numBatchesTracked") state.set(name, zeros(shape));
  }
  checkFinite(state, source);
  checkComplete(plan, form, state, fail);
  checkClasses({ classes, classIds }, spec, source);
  return { spec, form, state, classes, classIds, preprocessing, metadata: {}, ownSpec: true };
}

/** Throws by `fail` where a variance is negative, or the network has auxiliary classifiers, which no file has. */
function checkComplete(plan: LayerPlan, form: Forms, state: StateDict, fail: Fail): void {
  try {
    checkState(plan, form, state);
  } catch (cause) {
    if (!(cause instanceof RepvggError)) throw cause;
    fail(`does not hold a complete RepVGG. ${cause.message}`, cause);
  }
}

function readModel(bytes: Uint8Array | undefined, fail: Fail): Record<string, unknown> {
  if (bytes === undefined) return fail(`has no ${TFJS_MODEL}.`);
  try {
    return object(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    return fail(`is damaged: its ${TFJS_MODEL} is not JSON (${(cause as Error).message}).`, cause);
  }
}

const object = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

function sizeOfImage(size: unknown): readonly [number, number] | undefined {
  const isSize = Array.isArray(size) && size.length === 2 && size.every((n) => Number.isInteger(n) && n > 0);
  return isSize ? (size as unknown as readonly [number, number]) : undefined;
}

function readManifest(manifest: unknown, fail: Fail): { paths: string[]; weights: unknown } {
  const { paths, weights } = object(Array.isArray(manifest) && manifest.length === 1 ? manifest[0] : undefined);
  if (Array.isArray(paths) && paths.every((path) => typeof path === "string")) return { paths, weights };
  return fail("is damaged: it does not name the files of its weights.");
}

function joined(paths: readonly string[], files: ReadonlyMap<string, Uint8Array>, fail: Fail): Uint8Array {
  if (new Set(paths).size !== paths.length) fail("is damaged: it names a file of weights twice.");
  const shards = paths.map((path) => files.get(path) ?? fail(`lacks its file ${path}. Copy the whole folder.`));
  const data = new Uint8Array(shards.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const shard of shards) {
    data.set(shard, at);
    at += shard.length;
  }
  return data;
}

function stateOf(weights: readonly TfjsWeight[], data: Uint8Array, fail: Fail): StateDict {
  const state: StateDict = new Map();
  let at = 0;
  for (const { entry, shape, groups } of weights) {
    const values = toFloat32(data.subarray(at, at + 4 * sizeOf(shape)), "F32");
    at += 4 * sizeOf(shape);
    if (groups === 1) state.set(entry, { shape, data: values });
    else {
      const [kh, kw, I, O] = shape as [number, number, number, number];
      const grouped = groupedKernel(values, I, O, groups);
      if (grouped === undefined) fail(`is damaged: ${entry} has weights between its groups.`);
      state.set(entry, { shape: [kh, kw, I / groups, O], data: grouped! });
    }
  }
  return state;
}

/** The inverse of writing groups as one kernel; undefined where there is something else than zero between them. */
function groupedKernel(dense: Float32Array, I: number, O: number, groups: number): Float32Array | undefined {
  const grouped = new Float32Array(dense.length / groups);
  const [inputs, outputs] = [I / groups, O / groups];
  for (let at = 0; at < dense.length; at++) {
    const o = at % O;
    const i = Math.floor(at / O) % I;
    const group = Math.floor(i / inputs);
    if (group === Math.floor(o / outputs)) {
      const tap = Math.floor(at / (O * I));
      grouped[(tap * inputs + (i % inputs)) * O + o] = dense[at]!;
    } else if (dense[at] !== 0) return undefined;
  }
  return grouped;
}
