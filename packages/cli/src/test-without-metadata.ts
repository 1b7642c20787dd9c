import { ProtobufWriter, readProtobuf } from "@repvgg/checkpoint";

/** `ModelProto.metadata_props`. */
const METADATA = 14;

/** An ONNX file as another program writes it: nothing tells that a RepVGG is in it. */
export function withoutMetadata(bytes: Uint8Array): Uint8Array {
  const kept = new ProtobufWriter();
  for (const { field, kind, value } of readProtobuf(bytes, "the file")) {
    if (kind === "bytes" && field !== METADATA) kept.bytes(field, value);
    else if (kind === "integer") kept.integer(field, value);
  }
  return kept.finish();
}
