import { ProtobufWriter } from "./onnx-protobuf-writer.ts";
import { ATTRIBUTE, ENTRY, GRAPH, MODEL, NODE, OPSET } from "./onnx-schema.ts";
import { encodeValue } from "./onnx-write.ts";

type Shape = readonly (number | string)[];

/** An ONNX file that no RepVGG is in: its logits are the means of the image's channels. */
export interface ForeignOnnx {
  readonly input?: Shape;
  readonly output?: Shape;
  /** Operations after the mean. */
  readonly ending?: readonly string[];
  /** Keeps the axes of one pixel: `[N, C, 1, 1]`. */
  readonly isFlat?: false;
  /** `[N, H, W, C]` in. */
  readonly isNhwc?: boolean;
  /** 1 is float32. */
  readonly type?: number;
  readonly moreInputs?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
}

export function foreignOnnx(file: ForeignOnnx = {}): Uint8Array {
  const { input = ["N", 3, "H", "W"], output = ["N", 3], ending = [], isFlat = true, isNhwc = false, type = 1 } = file;
  const operators = [...(isNhwc ? ["Transpose"] : []), "GlobalAveragePool", ...(isFlat ? ["Flatten"] : []), ...ending];
  const graph = new ProtobufWriter().text(GRAPH.name, "mean");
  operators.forEach((operator, i) => {
    const [from, to] = [i === 0 ? "pixels" : `v${i}`, i === operators.length - 1 ? "answer" : `v${i + 1}`];
    const node = new ProtobufWriter().text(NODE.input, from).text(NODE.output, to).text(NODE.operator, operator);
    graph.message(GRAPH.node, operator === "Transpose" ? node.message(NODE.attribute, permutation()) : node);
  });
  for (const name of ["pixels", ...(file.moreInputs ?? [])]) graph.message(GRAPH.input, encodeValue(name, input, type));
  graph.message(GRAPH.output, encodeValue("answer", output, type));
  const model = new ProtobufWriter()
    .integer(MODEL.irVersion, 8)
    .message(MODEL.graph, graph)
    .message(MODEL.opsetImport, new ProtobufWriter().integer(OPSET.version, 17));
  for (const [key, text] of Object.entries(file.metadata ?? {})) {
    model.message(MODEL.metadataProps, new ProtobufWriter().text(ENTRY.key, key).text(ENTRY.value, text));
  }
  return model.finish();
}

function permutation(): ProtobufWriter {
  const attribute = new ProtobufWriter().text(ATTRIBUTE.name, "perm");
  for (const axis of [0, 3, 1, 2]) attribute.integer(ATTRIBUTE.ints, axis);
  return attribute.integer(ATTRIBUTE.type, 7);
}
