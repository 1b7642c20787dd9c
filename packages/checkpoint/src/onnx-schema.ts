/** Field numbers of the messages of onnx.proto. @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto */
export const MODEL = { irVersion: 1, producerName: 2, graph: 7, opsetImport: 8, metadataProps: 14 } as const;
export const OPSET = { version: 2 } as const;
export const ENTRY = { key: 1, value: 2 } as const;
export const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 } as const;
export const NODE = { input: 1, output: 2, name: 3, operator: 4, attribute: 5 } as const;
export const ATTRIBUTE = { name: 1, float: 2, int: 3, ints: 8, type: 20 } as const;
export const TENSOR = { dims: 1, dataType: 2, name: 8, rawData: 9 } as const;
export const VALUE_INFO = { name: 1, type: 2 } as const;
export const TYPE = { tensor: 1 } as const;
export const TENSOR_TYPE = { elementType: 1, shape: 2 } as const;
export const SHAPE = { dimension: 1 } as const;
export const DIMENSION = { value: 1, parameter: 2 } as const;

/** `AttributeProto.AttributeType`. */
export const ATTRIBUTE_TYPE = { float: 1, int: 2, ints: 7 } as const;
/** `TensorProto.DataType` of float32. */
export const FLOAT = 1;

export const IR_VERSION = 8;
export const OPSET_VERSION = 17;

/** The key of the metadata that say which network it is; `classes`, `classIds` and `preprocessing` stand beside it. */
export const ONNX_METADATA = {
  network: "repvgg",
  classes: "classes",
  classIds: "classIds",
  preprocessing: "preprocessing",
} as const;
export const ONNX_METADATA_VERSION = 1;
