import {
  checkState,
  type Forms,
  formOf,
  type LayerPlan,
  layerPlan,
  type NdArray,
  type RepVggSpec,
  RepvggError,
  type StateDict,
  specOf,
} from "@repvgg/core";
import { type ByteSource, memorySource } from "./byte-source.ts";
import { checkEntries } from "./check-entries.ts";
import { type Content, joined } from "./content.ts";
import { originalName } from "./original-name.ts";
import { OWN_METADATA, OWN_VERSION, ownMetadata, readNetwork } from "./own-metadata.ts";
import { type StatePlace, stateIn, storedState } from "./stored-state.ts";
import { readWeights, type StoredTensor, storedArray } from "./stored-weights.ts";
import { type NamesOf, nameInFile } from "./timm-name.ts";
import type { TorchOptions } from "./torch/read-torch.ts";
import { safetensorsContent } from "./write-safetensors.ts";

/** A network and what is needed to use it. */
export interface Checkpoint {
  readonly spec: RepVggSpec;
  /** A list of each block's where the network is partly fused. */
  readonly form: Forms;
  /** In memory layout; its arrays may be somewhere else until their `data` are read. */
  readonly state: ReadonlyMap<string, NdArray>;
  /** Names, in label order; `spec.numClasses` of them. */
  readonly classes?: readonly string[];
  /** What data sets know the classes by where that is not their names: WordNet ids, in label order. */
  readonly classIds?: readonly string[];
  /** How images are prepared: any JSON object, `Preprocessing` of `@repvgg/data`. */
  readonly preprocessing?: object;
  /** Whatever else should be kept, by name. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What a file says: as {@link Checkpoint}, `metadata` being what it says besides. */
export interface OpenCheckpoint extends Checkpoint {
  readonly metadata: Readonly<Record<string, string>>;
  /** Whether the spec is the file's own; else it was found from names and shapes, which do not show the strides. */
  readonly ownSpec: boolean;
  /** Entries that were left out: auxiliary classifiers that a fused file still had, and that nothing uses. @default none */
  readonly ignored?: readonly string[] | undefined;
  /** Whether the weights are the moving average that a training kept, see `ema`. @default false */
  readonly averaged?: boolean;
}

/** What was read, all of it. */
export interface LoadedCheckpoint extends OpenCheckpoint {
  readonly state: StateDict;
}

export interface SerializeOptions {
  /** Whose names the weights get. @default "original" */
  names?: NamesOf;
}

export interface ReadOptions extends TorchOptions {
  /** For files without our metadata: what names and shapes do not tell, above all the strides. @default the original's */
  hints?: Partial<RepVggSpec>;
}

/**
 * The bytes of a checkpoint: the original PyTorch names, OIHW kernels, [out, in] matrices. `load_state_dict(strict=True)` of the
 * original implementation takes it; the spec, classes and preprocessing are in the metadata.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: classes do not fit; `E_STATE`: the state does not fit the spec, or is not finite.
 */
export function serializeCheckpoint(checkpoint: Checkpoint, options?: SerializeOptions): Uint8Array {
  return joined(checkpointContent(checkpoint, options));
}

/** {@link serializeCheckpoint} without the file in memory: for `writeFileAtomically`. The state is borrowed until it is written. */
export function checkpointContent(checkpoint: Checkpoint, { names = "original" }: SerializeOptions = {}): Content {
  const { spec, form, state, metadata = {} } = checkpoint;
  checkState(layerPlan(spec, [1, 1]), form, state);
  checkClasses(checkpoint, spec, "The checkpoint to save");
  const tensors = new Map<string, StoredTensor>();
  for (const name of state.keys()) {
    const dtype = name.endsWith(".num_batches_tracked") ? "I64" : "F32";
    tensors.set(nameInFile(name, names), storedArray(state, name, dtype));
  }
  return safetensorsContent(tensors, { ...metadata, format: "pt", [OWN_METADATA]: ownMetadata(checkpoint) });
}

/**
 * Reads a checkpoint: safetensors or PyTorch's .pth (recognised from the content), one of ours or weights with the names of the
 * original implementation, timm or MMPretrain, whose spec is found from names and shapes.
 *
 * @param bytes The whole file; borrowed.
 * @param source The file's name, for the message.
 * @throws {RepvggError} `E_CHECKPOINT`: the file is damaged, no RepVGG, has weights that are not finite, or does not hold the
 *   network that it says it holds.
 */
export function parseCheckpoint(
  bytes: Uint8Array,
  source = "The checkpoint",
  options: ReadOptions = {},
): LoadedCheckpoint {
  return readCheckpoint(memorySource(bytes), source, options, "in memory");
}

/**
 * {@link parseCheckpoint} of a file that need not be in memory.
 *
 * @param place Whether the state is read into memory, or stays in the file.
 */
export function readCheckpoint(
  file: ByteSource,
  source: string,
  options: ReadOptions,
  place: "in memory",
): LoadedCheckpoint;
export function readCheckpoint(
  file: ByteSource,
  source: string,
  options: ReadOptions,
  place: StatePlace,
): OpenCheckpoint;
export function readCheckpoint(
  file: ByteSource,
  source: string,
  { hints, ema }: ReadOptions,
  place: StatePlace,
): OpenCheckpoint {
  const { tensors, metadata, averaged } = readWeights(file, source, { ema });
  const names = new Map<string, string>();
  const stored = new Map<string, StoredTensor>();
  for (const [name, tensor] of tensors) {
    const original = originalName(name);
    const other = names.get(original);
    if (other !== undefined) {
      throw new RepvggError("E_CHECKPOINT", `${source} has "${original}" twice: as "${other}" and as "${name}".`);
    }
    names.set(original, name);
    stored.set(original, tensor);
  }
  const nameIn = (name: string) => names.get(name) ?? name;
  const { [OWN_METADATA]: own, format: _, ...rest } = metadata;
  const { classes, classIds, preprocessing, ...described }: Partial<Described> =
    own === undefined ? {} : readOwn(own, source);
  const { spec, form, ignored } = fitted(stored, described, hints, source, nameIn);
  checkClasses({ classes, classIds }, spec, source);
  for (const name of ignored) stored.delete(name);
  const state = stateIn(place, stored, source, nameIn);
  return {
    spec,
    form,
    state,
    classes,
    classIds,
    preprocessing,
    metadata: rest,
    ownSpec: own !== undefined,
    ...(ignored.length > 0 && { ignored: ignored.map(nameIn) }),
    ...(averaged && { averaged }),
  };
}

type Described = Pick<Checkpoint, "spec" | "form" | "classes" | "classIds" | "preprocessing">;

/** What our metadata say, checked. */
export function readOwn(json: string, source: string): Described {
  const fail = (why: string, cause?: unknown): never => {
    throw new RepvggError("E_CHECKPOINT", `${source} has metadata "${OWN_METADATA}" that ${why}.`, { cause });
  };
  let value: Partial<Record<"version" | keyof Described, unknown>> | null = null;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    fail("is not JSON", cause);
  }
  if (typeof value !== "object" || value === null) return fail("is no object");
  const { version, classes, classIds, preprocessing } = value;
  if (version !== OWN_VERSION)
    fail(`has version ${JSON.stringify(version)}, and this program reads ${OWN_VERSION}; install a newer one`);
  if (classes !== undefined && !isListOfNames(classes)) return fail("has classes that are no list of names");
  if (classIds !== undefined && !isListOfNames(classIds)) return fail("has classIds that are no list of names");
  if (preprocessing !== undefined && (typeof preprocessing !== "object" || preprocessing === null)) {
    return fail("has a preprocessing that is no object");
  }
  return { ...readNetwork(value, fail), classes, classIds, preprocessing };
}

interface Fitted {
  readonly spec: RepVggSpec;
  readonly form: Forms;
  /** Names of entries that nothing uses. */
  readonly ignored: readonly string[];
}

/** The spec and form of the weights, after checking that the weights are all there. */
function fitted(
  tensors: ReadonlyMap<string, StoredTensor>,
  described: Partial<Described>,
  hints: Partial<RepVggSpec> | undefined,
  source: string,
  nameInFile: (name: string) => string,
): Fitted {
  const stored = storedState(tensors);
  try {
    const form = described.form ?? formOf(stored);
    const spec = described.spec ?? specOf(stored, hints);
    const plan = layerPlan(spec, [1, 1]);
    const ignored = form === "deploy" ? ofAuxiliary(plan, tensors) : [];
    const used = new Map(tensors);
    for (const name of ignored) used.delete(name);
    checkEntries(plan, form, storedState(used), nameInFile);
    return { spec, form, ignored };
  } catch (cause) {
    if (!(cause instanceof RepvggError)) throw cause;
    throw new RepvggError("E_CHECKPOINT", `${source} does not hold a complete RepVGG. ${cause.message}`, { cause });
  }
}

/** Entries of auxiliary classifiers: a model whose blocks were fused one by one still has them. */
function ofAuxiliary(plan: LayerPlan, state: ReadonlyMap<string, unknown>): string[] {
  return [...state.keys()].filter((key) => plan.auxiliary.some(({ name }) => key.startsWith(`${name}.`)));
}

export function isListOfNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === "string");
}

/** @throws {RepvggError} `E_CHECKPOINT`: there are names or ids of classes, but not one for each output. */
export function checkClasses(
  { classes, classIds }: Pick<Checkpoint, "classes" | "classIds">,
  { numClasses }: RepVggSpec,
  source: string,
): void {
  const check = (what: string, list: readonly string[] | undefined) => {
    if (list === undefined || list.length === numClasses) return;
    throw new RepvggError(
      "E_CHECKPOINT",
      `${source} ${what} ${list.length} classes, but the network has ${numClasses} outputs.`,
    );
  };
  check("names", classes);
  check("has the ids of", classIds);
}
