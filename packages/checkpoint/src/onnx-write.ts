import { checkState, layerPlan, RepvggError, sizeOf, stateLayout } from "@repvgg/core";
import { type Checkpoint, checkClasses } from "./checkpoint.ts";
import { type Content, joined } from "./content.ts";
import { ONNX_INPUT, ONNX_OUTPUT, type OnnxAttribute, type OnnxNode, onnxGraph } from "./onnx-graph.ts";
import { ProtobufWriter } from "./onnx-protobuf-writer.ts";
import {
  ATTRIBUTE,
  ATTRIBUTE_TYPE,
  DIMENSION,
  ENTRY,
  FLOAT,
  GRAPH,
  IR_VERSION,
  MODEL,
  NODE,
  ONNX_METADATA,
  ONNX_METADATA_VERSION,
  OPSET,
  OPSET_VERSION,
  SHAPE,
  TENSOR,
  TENSOR_TYPE,
  TYPE,
  VALUE_INFO,
} from "./onnx-schema.ts";
import { storedArray } from "./stored-weights.ts";

export interface OnnxOptions {
  /** Height and width that the graph is fixed to. @default any */
  imageSize?: readonly [height: number, width: number];
}

/** Protobuf's own limit of a message. */
const MAX_BYTES = 2 ** 31 - 1;

/**
 * A network as an ONNX file (opset 17): the input `input` [batch, C, H, W] and the output `logits` [batch, classes], any batch.
 *
 * Weights have their PyTorch names and layout. The train form keeps its branches and normalizes by running statistics.
 * The metadata `repvgg`, `classes`, `classIds` and `preprocessing` are JSON. Counters of batches are not needed and left out.
 *
 * @throws {RepvggError} `E_CHECKPOINT`: classes do not fit, or it is above 2 GiB; `E_STATE`: the state does not fit the spec, or is
 *   not finite.
 */
export function serializeOnnx(checkpoint: Checkpoint, options?: OnnxOptions): Uint8Array {
  return joined(onnxContent(checkpoint, options));
}

/** {@link serializeOnnx} without the file in memory: for `writeFileAtomically`. The state is borrowed until it is written. */
export function onnxContent(checkpoint: Checkpoint, { imageSize }: OnnxOptions = {}): Content {
  const { spec, form, state } = checkpoint;
  const plan = layerPlan(spec, imageSize ?? [1, 1]);
  checkState(plan, form, state);
  checkClasses(checkpoint, spec, "The checkpoint to export");
  const graph = new ProtobufWriter();
  for (const node of onnxGraph(plan, form)) graph.message(GRAPH.node, encodeNode(node));
  graph.text(GRAPH.name, "repvgg");
  let size = 0;
  for (const { name, role } of stateLayout(plan, form)) {
    if (role === "numBatchesTracked") continue;
    const { shape, read } = storedArray(state, name, "F32");
    const length = 4 * sizeOf(shape);
    const tensor = new ProtobufWriter();
    for (const dimension of shape) tensor.integer(TENSOR.dims, dimension);
    graph.message(
      GRAPH.initializer,
      tensor.integer(TENSOR.dataType, FLOAT).text(TENSOR.name, name).bytesLater(TENSOR.rawData, length, read),
    );
    size += length;
  }
  // The rest is below 1 MiB.
  if (size > MAX_BYTES - 2 ** 20) {
    throw new RepvggError("E_CHECKPOINT", `An ONNX file holds at most 2 GiB; the weights need ${size} bytes.`);
  }
  const image = imageSize ?? (["height", "width"] as const);
  graph.message(GRAPH.input, encodeValue(ONNX_INPUT, ["batch", spec.inputChannels, ...image]));
  graph.message(GRAPH.output, encodeValue(ONNX_OUTPUT, ["batch", spec.numClasses]));
  const model = new ProtobufWriter()
    .integer(MODEL.irVersion, IR_VERSION)
    .text(MODEL.producerName, "repvgg")
    .message(MODEL.graph, graph)
    .message(MODEL.opsetImport, new ProtobufWriter().integer(OPSET.version, OPSET_VERSION));
  for (const [key, value] of metadataOf(checkpoint)) {
    model.message(MODEL.metadataProps, new ProtobufWriter().text(ENTRY.key, key).text(ENTRY.value, value));
  }
  return model.content();
}

function metadataOf({ spec, form, classes, classIds, preprocessing, metadata = {} }: Checkpoint): Map<string, string> {
  const all = new Map(Object.entries(metadata));
  all.set(ONNX_METADATA.network, JSON.stringify({ version: ONNX_METADATA_VERSION, spec, form }));
  if (classes) all.set(ONNX_METADATA.classes, JSON.stringify(classes));
  if (classIds) all.set(ONNX_METADATA.classIds, JSON.stringify(classIds));
  if (preprocessing) all.set(ONNX_METADATA.preprocessing, JSON.stringify(preprocessing));
  return all;
}

function encodeNode({ name, operator, inputs, output, attributes }: OnnxNode): ProtobufWriter {
  const node = new ProtobufWriter();
  for (const input of inputs) node.text(NODE.input, input);
  node.text(NODE.output, output).text(NODE.name, name).text(NODE.operator, operator);
  for (const attribute of attributes) node.message(NODE.attribute, encodeAttribute(attribute));
  return node;
}

function encodeAttribute(attribute: OnnxAttribute): ProtobufWriter {
  const encoded = new ProtobufWriter().text(ATTRIBUTE.name, attribute.name);
  if (attribute.type === "ints") for (const element of attribute.value) encoded.integer(ATTRIBUTE.ints, element);
  else if (attribute.type === "int") encoded.integer(ATTRIBUTE.int, attribute.value);
  else encoded.float(ATTRIBUTE.float, attribute.value);
  return encoded.integer(ATTRIBUTE.type, ATTRIBUTE_TYPE[attribute.type]);
}

/** An input or output, by default of float32; a name among its lengths stands for any length. */
export function encodeValue(name: string, lengths: readonly (number | string)[], type: number = FLOAT): ProtobufWriter {
  const shape = new ProtobufWriter();
  for (const length of lengths) {
    const dimension = new ProtobufWriter();
    if (typeof length === "number") dimension.integer(DIMENSION.value, length);
    else dimension.text(DIMENSION.parameter, length);
    shape.message(SHAPE.dimension, dimension);
  }
  const tensor = new ProtobufWriter().integer(TENSOR_TYPE.elementType, type).message(TENSOR_TYPE.shape, shape);
  return new ProtobufWriter()
    .text(VALUE_INFO.name, name)
    .message(VALUE_INFO.type, new ProtobufWriter().message(TYPE.tensor, tensor));
}
