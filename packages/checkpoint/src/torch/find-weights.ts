import type { Fail } from "../byte-source.ts";
import { describe, isTensor, PyDict, PyObject, type PyValue, shown, type TorchTensor } from "./py-values.ts";

/** The state dict of a file, and the plain values beside it. */
export interface FoundWeights {
  readonly tensors: ReadonlyMap<string, TorchTensor>;
  /** `epoch`, `arch`, ...: the numbers, strings and booleans beside the weights. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Whether they are the moving average. */
  readonly averaged: boolean;
}

/** Whether to take the moving average of the weights that a training kept; `"if any"`: else the weights themselves. */
export type AverageChoice = boolean | "if any";

/** Where training scripts put the weights, in the order in which they are looked for. */
const WRAPPERS = ["state_dict", "model_state_dict", "model", "module", "net", "network"];
const AVERAGED = ["state_dict_ema", "model_ema", "ema_state_dict", "ema"];
const MAX_DEPTH = 4;
const NAMED = 8;

/**
 * Finds the state dict: the file's value itself, or what it holds under one of the usual names.
 *
 * @throws by `fail`: there is none, or no average where one is needed, or something in it is neither a tensor nor a plain value; the message names it.
 */
export function findWeights(value: PyValue, average: AverageChoice, fail: Fail): FoundWeights {
  const metadata: [string, string][] = [];
  let current = value;
  let averaged = false;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    if (!(current instanceof PyDict)) return failAt(current, fail);
    const entries = namedEntries(current);
    const ofAverage: PyValue | undefined = average && !averaged ? firstDict(entries, AVERAGED) : undefined;
    const inner = ofAverage ?? firstDict(entries, WRAPPERS);
    averaged ||= ofAverage !== undefined;
    if (inner === undefined) {
      if (average === true && !averaged)
        fail(`has no averaged weights (${AVERAGED.join(", ")}). Read the others, without "ema".`);
      return { tensors: tensorsOf(current, metadata, fail), metadata: Object.fromEntries(metadata), averaged };
    }
    for (const [name, entry] of entries) addPlain(metadata, name, entry);
    current = inner;
  }
  return fail(`nests its weights in more than ${MAX_DEPTH} levels.`);
}

function failAt(value: PyValue, fail: Fail): never {
  if (value instanceof PyObject) {
    return fail(
      `holds ${describe(value)} where the weights should be. Nothing in a file is executed, so it cannot be used. ` +
        "Save the network's state_dict() instead.",
    );
  }
  return fail(`holds ${describe(value)}, and no state dict. Save the network's state_dict().`);
}

function namedEntries(dict: PyDict): Map<string, PyValue> {
  const entries = new Map<string, PyValue>();
  for (const [key, value] of dict.pairs) if (typeof key === "string") entries.set(key, value);
  return entries;
}

/** The first of these names that has a dict, or an object that was a network. */
function firstDict(entries: ReadonlyMap<string, PyValue>, names: readonly string[]): PyValue | undefined {
  return names.map((name) => entries.get(name)).find((value) => value instanceof PyDict || value instanceof PyObject);
}

function tensorsOf(dict: PyDict, metadata: [string, string][], fail: Fail): Map<string, TorchTensor> {
  const tensors = new Map<string, TorchTensor>();
  for (const [key, value] of dict.pairs) {
    if (typeof key !== "string") return fail(`has ${describe(key)} as the name of a weight.`);
    if (tensors.has(key)) fail(`is damaged: it has tensor "${shown(key)}" twice.`);
    if (isTensor(value)) tensors.set(key, value);
    else if (!addPlain(metadata, key, value)) {
      const advice = AVERAGED.includes(key)
        ? 'These are averaged weights: read them with "ema".'
        : "It cannot be used.";
      fail(`has "${shown(key)}" among its weights, which is ${describe(value)} and no tensor. ${advice}`);
    }
  }
  if (tensors.size > 0) return tensors;
  const names = dict.pairs.slice(0, NAMED).map(([key]) => (typeof key === "string" ? shown(key) : describe(key)));
  return fail(`has no weights in it; ${names.length > 0 ? `it has ${names.join(", ")}` : "it is empty"}.`);
}

function addPlain(metadata: [string, string][], name: string, value: PyValue): boolean {
  if (value === null) return true;
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") return false;
  metadata.push([name, String(value)]);
  return true;
}
