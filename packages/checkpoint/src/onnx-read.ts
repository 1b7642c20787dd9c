import {
  checkState,
  type Form,
  layerPlan,
  ndArray,
  parseSpec,
  type RepVggSpec,
  RepvggError,
  type StateDict,
  sizeOf,
  stateLayout,
} from "@repvgg/core";
import { checkClasses, inMemory, isListOfNames, type LoadedCheckpoint, type ReadOptions } from "./checkpoint.ts";
import { ONNX_INPUT, ONNX_OUTPUT, type OnnxAttribute, type OnnxNode, onnxGraph } from "./onnx-graph.ts";
import { type ProtobufField, readProtobuf } from "./onnx-protobuf-reader.ts";
import {
  ATTRIBUTE,
  ATTRIBUTE_TYPE,
  ENTRY,
  FLOAT,
  GRAPH,
  MODEL,
  NODE,
  ONNX_METADATA,
  ONNX_METADATA_VERSION,
  OPSET,
  OPSET_VERSION,
  TENSOR,
  VALUE_INFO,
} from "./onnx-schema.ts";
import type { StoredTensor } from "./stored-weights.ts";
import { checkFinite, reused } from "./tensors.ts";

/**
 * Reads a network from an ONNX file that {@link serializeOnnx} wrote: its operations must be those of the network that its
 * metadata describe, all of them. The counters of batches, which ONNX files lack, are 0.
 *
 * @param bytes The whole file; borrowed.
 * @param source The file's name, for the message.
 * @throws {RepvggError} `E_CHECKPOINT`: the file is damaged, was not written by this program, or its operations or weights are not
 *   those of its network.
 */
export function parseOnnx(
  bytes: Uint8Array,
  source = "The ONNX file",
  { reuse }: Pick<ReadOptions, "reuse"> = {},
): LoadedCheckpoint {
  const { nodes, weights, inputs, outputs, metadata, opset } = readModel(bytes, source);
  const fail = (why: string, cause?: unknown): never => {
    throw new RepvggError("E_CHECKPOINT", `${source} ${why}.`, { cause });
  };
  const { [ONNX_METADATA.network]: own, [ONNX_METADATA.classes]: names, ...others } = metadata;
  const { [ONNX_METADATA.classIds]: ids, [ONNX_METADATA.preprocessing]: prepared, ...rest } = others;
  if (own === undefined) return fail('has no metadata "repvgg": only ONNX files that repvgg wrote are read');
  const { spec, form } = readNetwork(own, fail);
  const classes = names === undefined ? undefined : readClasses(names, ONNX_METADATA.classes, fail);
  const classIds = ids === undefined ? undefined : readClasses(ids, ONNX_METADATA.classIds, fail);
  checkClasses({ classes, classIds }, spec, source);
  const preprocessing = prepared === undefined ? undefined : readObject(prepared, ONNX_METADATA.preprocessing, fail);

  if (opset !== OPSET_VERSION) fail(`is of opset ${opset}, not ${OPSET_VERSION}`);
  const plan = layerPlan(spec, [1, 1]);
  const expected = onnxGraph(plan, form);
  const wrong = expected.findIndex((node, i) => JSON.stringify(node) !== JSON.stringify(nodes[i]));
  if (wrong !== -1 || nodes.length !== expected.length || inputs !== ONNX_INPUT || outputs !== ONNX_OUTPUT) {
    const where = expected[wrong]?.name ?? `its ${nodes.length} operations`;
    fail(`does not compute the network that its metadata describe: see ${where}. It was changed after it was written`);
  }
  const state: StateDict = new Map();
  for (const { name, role } of stateLayout(plan, form)) {
    const tensor = weights.get(name);
    const array = role === "numBatchesTracked" ? ndArray([], new Float32Array(1)) : tensor && inMemory(tensor);
    if (array) {
      checkFinite([[name, array]], source);
      state.set(name, reused(array, reuse?.get(name)));
    }
    weights.delete(name);
  }
  const extra = weights.keys().next().value;
  if (extra !== undefined) fail(`has a weight "${extra}" that its network does not have`);
  try {
    checkState(plan, form, state);
  } catch (cause) {
    fail(`does not hold a complete RepVGG. ${(cause as Error).message}`, cause);
  }
  return { spec, form, state, classes, classIds, preprocessing, metadata: rest, ownSpec: true };
}

type Fail = (why: string, cause?: unknown) => never;

function readNetwork(json: string, fail: Fail): { spec: RepVggSpec; form: Form } {
  const { version, spec, form } = readObject(json, ONNX_METADATA.network, fail) as Record<string, unknown>;
  if (version !== ONNX_METADATA_VERSION) {
    fail(`has metadata of version ${JSON.stringify(version)}, and this program reads ${ONNX_METADATA_VERSION}`);
  }
  if (form !== "train" && form !== "deploy")
    return fail(`names the form ${JSON.stringify(form)}, neither train nor deploy`);
  try {
    return { spec: parseSpec(spec), form };
  } catch (cause) {
    return fail(`has a spec that is not valid: ${(cause as Error).message}`, cause);
  }
}

function readClasses(json: string, key: string, fail: Fail): readonly string[] {
  const value: unknown = readObject(json, key, fail);
  return isListOfNames(value) ? value : fail(`has ${key} that are no list of names`);
}

function readObject(json: string, key: string, fail: Fail): object {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    fail(`has metadata "${key}" that is not JSON`, cause);
  }
  return typeof value === "object" && value !== null ? value : fail(`has metadata "${key}" that is no object`);
}

interface Read {
  readonly nodes: OnnxNode[];
  /** Views of the file. */
  readonly weights: Map<string, StoredTensor>;
  /** Names of all inputs and outputs, joined. */
  readonly inputs: string;
  readonly outputs: string;
  readonly metadata: Record<string, string>;
  readonly opset: number;
}

function readModel(bytes: Uint8Array, source: string): Read {
  const [nodes, weights] = [[] as OnnxNode[], new Map<string, StoredTensor>()];
  const [inputs, outputs]: [string[], string[]] = [[], []];
  let opset = 0;
  for (const { field, value } of messages(bytes, source)) {
    if (field === MODEL.opsetImport) opset = integers(value, OPSET.version, source)[0] ?? 0;
    if (field !== MODEL.graph) continue;
    for (const part of messages(value, source)) {
      if (part.field === GRAPH.node) nodes.push(readNode(part.value, source));
      else if (part.field === GRAPH.input) inputs.push(...texts(part.value, VALUE_INFO.name, source));
      else if (part.field === GRAPH.output) outputs.push(...texts(part.value, VALUE_INFO.name, source));
      else if (part.field === GRAPH.initializer) {
        const { name, tensor } = readTensor(part.value, source);
        if (weights.has(name)) throw new RepvggError("E_CHECKPOINT", `${source} has the weight "${name}" twice.`);
        weights.set(name, tensor);
      }
    }
  }
  const joined = (names: readonly string[]) => names.join();
  return {
    nodes,
    weights,
    inputs: joined(inputs),
    outputs: joined(outputs),
    metadata: Object.fromEntries(onnxMetadata(bytes, source)),
    opset,
  };
}

/** The metadata of any ONNX file, `metadata_props`. @throws {RepvggError} `E_CHECKPOINT`: it is damaged or no ONNX file. */
export function onnxMetadata(bytes: Uint8Array, source: string): Map<string, string> {
  const metadata = new Map<string, string>();
  for (const { field, value } of messages(bytes, source)) {
    if (field !== MODEL.metadataProps) continue;
    metadata.set(texts(value, ENTRY.key, source)[0] ?? "", texts(value, ENTRY.value, source)[0] ?? "");
  }
  return metadata;
}

function readNode(bytes: Uint8Array, source: string): OnnxNode {
  const text = (field: number) => texts(bytes, field, source);
  return {
    name: text(NODE.name).join(),
    operator: text(NODE.operator).join(),
    inputs: text(NODE.input),
    output: text(NODE.output).join(),
    attributes: [...messages(bytes, source)]
      .filter(({ field }) => field === NODE.attribute)
      .map(({ value }) => readAttribute(value, source)),
  };
}

function readAttribute(bytes: Uint8Array, source: string): OnnxAttribute {
  const name = texts(bytes, ATTRIBUTE.name, source).join();
  const [type] = integers(bytes, ATTRIBUTE.type, source);
  if (type === ATTRIBUTE_TYPE.ints) return { name, type: "ints", value: integers(bytes, ATTRIBUTE.ints, source) };
  if (type === ATTRIBUTE_TYPE.int) return { name, type: "int", value: integers(bytes, ATTRIBUTE.int, source)[0] ?? 0 };
  const [float] = [...readProtobuf(bytes, source)].filter(
    ({ field, kind }) => field === ATTRIBUTE.float && kind === "float",
  );
  return { name, type: "float", value: (float?.value as number | undefined) ?? 0 };
}

function readTensor(bytes: Uint8Array, source: string): { name: string; tensor: StoredTensor } {
  const name = texts(bytes, TENSOR.name, source).join();
  const shape = integers(bytes, TENSOR.dims, source);
  const [type] = integers(bytes, TENSOR.dataType, source);
  const raw = [...messages(bytes, source)].find(({ field }) => field === TENSOR.rawData)?.value ?? new Uint8Array(0);
  if (type !== FLOAT || raw.length !== 4 * sizeOf(shape)) {
    throw new RepvggError(
      "E_CHECKPOINT",
      `${source} has a weight "${name}" [${shape.join(", ")}] that is not float32, or has ${raw.length} bytes.`,
    );
  }
  return { name, tensor: { dtype: "F32", shape, read: () => raw } };
}

type BytesField = Extract<ProtobufField, { kind: "bytes" }>;

function* messages(bytes: Uint8Array, source: string): Generator<BytesField> {
  for (const field of readProtobuf(bytes, source)) if (field.kind === "bytes") yield field;
}

function texts(bytes: Uint8Array, field: number, source: string): string[] {
  const found = [...messages(bytes, source)].filter((each) => each.field === field);
  return found.map(({ value }) => new TextDecoder().decode(value));
}

function integers(bytes: Uint8Array, field: number, source: string): number[] {
  const numbers: number[] = [];
  for (const each of readProtobuf(bytes, source)) {
    if (each.kind === "integer" && each.field === field) numbers.push(each.value);
  }
  return numbers;
}
