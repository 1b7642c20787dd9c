import { type Forms, layerPlan, type RepVggSpec, RepvggError, sizeOf, stateLayout } from "@repvgg/core";
import { type ByteSource, memorySource } from "./byte-source.ts";
import { checkEntries } from "./check-entries.ts";
import { checkClasses, isListOfNames, type LoadedCheckpoint, type OpenCheckpoint } from "./checkpoint.ts";
import { ONNX_INPUT, ONNX_OUTPUT, type OnnxAttribute, type OnnxNode, onnxGraph } from "./onnx-graph.ts";
import { type ProtobufField, readProtobuf } from "./onnx-protobuf-reader.ts";
import { protobufSpans } from "./onnx-protobuf-spans.ts";
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
import { readNetwork } from "./own-metadata.ts";
import { type StatePlace, stateIn, storedState } from "./stored-state.ts";
import type { StoredTensor } from "./stored-weights.ts";

/**
 * Reads a network from an ONNX file that {@link serializeOnnx} wrote: its operations must be those of the network that its
 * metadata describe, all of them. The counters of batches, which ONNX files lack, are 0.
 *
 * @param bytes The whole file; borrowed.
 * @param source The file's name, for the message.
 * @throws {RepvggError} `E_CHECKPOINT`: the file is damaged, was not written by this program, or its operations or weights are not
 *   those of its network.
 */
export function parseOnnx(bytes: Uint8Array, source = "The ONNX file"): LoadedCheckpoint {
  return readOnnx(memorySource(bytes), source, "in memory");
}

/**
 * {@link parseOnnx} of a file that need not be in memory.
 *
 * @param place Whether the state is read into memory, or stays in the file.
 */
export function readOnnx(file: ByteSource, source: string, place: "in memory"): LoadedCheckpoint;
export function readOnnx(file: ByteSource, source: string, place: StatePlace): OpenCheckpoint;
export function readOnnx(file: ByteSource, source: string, place: StatePlace): OpenCheckpoint {
  const { nodes, weights, inputs, outputs, metadata, opset } = readModel(file, source);
  const fail = (why: string, cause?: unknown): never => {
    throw new RepvggError("E_CHECKPOINT", `${source} ${why}.`, { cause });
  };
  const { [ONNX_METADATA.network]: own, [ONNX_METADATA.classes]: names, ...others } = metadata;
  const { [ONNX_METADATA.classIds]: ids, [ONNX_METADATA.preprocessing]: prepared, ...rest } = others;
  if (own === undefined) return fail('has no metadata "repvgg": only ONNX files that repvgg wrote are read');
  const { spec, form } = readDescribed(own, fail);
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
  const tensors = new Map<string, StoredTensor>();
  for (const { name, role } of stateLayout(plan, form)) {
    const tensor = role === "numBatchesTracked" ? NO_BATCHES : weights.get(name);
    if (tensor) tensors.set(name, tensor);
    weights.delete(name);
  }
  const extra = weights.keys().next().value;
  if (extra !== undefined) fail(`has a weight "${extra}" that its network does not have`);
  try {
    checkEntries(plan, form, storedState(tensors), (name) => name);
  } catch (cause) {
    fail(`does not hold a complete RepVGG. ${(cause as Error).message}`, cause);
  }
  const state = stateIn(place, tensors, source);
  return { spec, form, state, classes, classIds, preprocessing, metadata: rest, ownSpec: true };
}

/** ONNX files have no counters. */
const NO_BATCHES: StoredTensor = { dtype: "F32", shape: [], read: () => new Uint8Array(4) };

type Fail = (why: string, cause?: unknown) => never;

function readDescribed(json: string, fail: Fail): { spec: RepVggSpec; form: Forms } {
  const { version, ...network } = readObject(json, ONNX_METADATA.network, fail) as Record<string, unknown>;
  if (version !== ONNX_METADATA_VERSION) {
    fail(`has metadata of version ${JSON.stringify(version)}, and this program reads ${ONNX_METADATA_VERSION}`);
  }
  return readNetwork(network, fail);
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
  /** In the file. */
  readonly weights: Map<string, StoredTensor>;
  /** Names of all inputs and outputs, joined. */
  readonly inputs: string;
  readonly outputs: string;
  readonly metadata: Record<string, string>;
  readonly opset: number;
}

function readModel(file: ByteSource, source: string): Read {
  const [nodes, weights] = [[] as OnnxNode[], new Map<string, StoredTensor>()];
  const [inputs, outputs]: [string[], string[]] = [[], []];
  const metadata = new Map<string, string>();
  let opset = 0;
  const readGraph = (graph: Span): void => {
    for (const part of spans(file, graph, source)) {
      if (part.field === GRAPH.initializer) {
        const { name, tensor } = readTensor(file, part, source);
        if (weights.has(name)) throw new RepvggError("E_CHECKPOINT", `${source} has the weight "${name}" twice.`);
        weights.set(name, tensor);
        continue;
      }
      const isKnown = part.field === GRAPH.node || part.field === GRAPH.input || part.field === GRAPH.output;
      if (!isKnown) continue;
      const bytes = file.read(part.begin, part.end);
      if (part.field === GRAPH.node) nodes.push(readNode(bytes, source));
      else (part.field === GRAPH.input ? inputs : outputs).push(...texts(bytes, VALUE_INFO.name, source));
    }
  };
  for (const span of spans(file, { begin: 0, end: file.size }, source)) {
    if (span.field === MODEL.graph) readGraph(span);
    else if (span.field === MODEL.opsetImport) {
      opset = integers(file.read(span.begin, span.end), OPSET.version, source)[0] ?? 0;
    } else if (span.field === MODEL.metadataProps) {
      metadata.set(...readEntry(file.read(span.begin, span.end), source));
    }
  }
  const joined = (names: readonly string[]) => names.join();
  return {
    nodes,
    weights,
    inputs: joined(inputs),
    outputs: joined(outputs),
    metadata: Object.fromEntries(metadata),
    opset,
  };
}

interface Span {
  readonly begin: number;
  readonly end: number;
}

function* spans(file: ByteSource, { begin, end }: Span, source: string): Generator<Span & { field: number }> {
  for (const field of protobufSpans(file, begin, end, source)) if (field.kind === "bytes") yield field;
}

/** The metadata of any ONNX file, `metadata_props`. @throws {RepvggError} `E_CHECKPOINT`: it is damaged or no ONNX file. */
export function onnxMetadata(bytes: Uint8Array, source: string): Map<string, string> {
  const metadata = new Map<string, string>();
  for (const { field, value } of messages(bytes, source)) {
    if (field === MODEL.metadataProps) metadata.set(...readEntry(value, source));
  }
  return metadata;
}

function readEntry(bytes: Uint8Array, source: string): [key: string, value: string] {
  return [texts(bytes, ENTRY.key, source)[0] ?? "", texts(bytes, ENTRY.value, source)[0] ?? ""];
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

function readTensor(file: ByteSource, { begin, end }: Span, source: string): { name: string; tensor: StoredTensor } {
  const shape: number[] = [];
  const names: string[] = [];
  let [type, raw]: [number | undefined, Span] = [undefined, { begin: end, end }];
  for (const span of protobufSpans(file, begin, end, source)) {
    if (span.kind === "integer" && span.field === TENSOR.dims) shape.push(span.value);
    else if (span.kind === "integer" && span.field === TENSOR.dataType) type = span.value;
    else if (span.kind === "bytes" && span.field === TENSOR.rawData) raw = span;
    else if (span.kind === "bytes" && span.field === TENSOR.name) {
      names.push(new TextDecoder().decode(file.read(span.begin, span.end)));
    }
  }
  const [name, length] = [names.join(), raw.end - raw.begin];
  if (type !== FLOAT || length !== 4 * sizeOf(shape)) {
    throw new RepvggError(
      "E_CHECKPOINT",
      `${source} has a weight "${name}" [${shape.join(", ")}] that is not float32, or has ${length} bytes.`,
    );
  }
  const readPart = (from: number, to: number) => file.read(raw.begin + from, raw.begin + to);
  return { name, tensor: { dtype: "F32", shape, read: () => readPart(0, length), readPart } };
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
