import { RepvggError } from "@repvgg/core";
import { backend, type DataType, type Tensor } from "@tensorflow/tfjs-core";

/** An attribute of a TensorFlow operation. `type` says how libtensorflow is to read `value`. */
export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: number | number[] | string | boolean;
}

/** What is used of tfjs-node's native addon. */
export interface TensorflowBinding {
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_SHAPE: number;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_Version: string;
}

/** What is used of tfjs-node's backend: TensorFlow's operations by name. */
export interface TensorflowBackend {
  readonly binding: TensorflowBinding;
  readonly isUsingGpuDevice: boolean;
  executeSingleOutput(name: string, attributes: OpAttribute[], inputs: readonly Tensor[]): Tensor;
  executeMultipleOutputs(name: string, attributes: OpAttribute[], inputs: readonly Tensor[], outputs: number): Tensor[];
}

/**
 * The backend, which must be the current one.
 *
 * @throws {RepvggError} `E_DEVICE`: another is.
 */
export function tensorflowBackend(): TensorflowBackend {
  const current = backend() as unknown as TensorflowBackend;
  if (typeof current.executeMultipleOutputs === "function") return current;
  throw new RepvggError(
    "E_DEVICE",
    "TensorFlow's operations were used while another tfjs backend was the current one.",
  );
}

/** Makes attributes: the type `T` of the tensors, and any others by name. */
export function attributes(binding: TensorflowBinding) {
  const of = (name: string, type: number, value: OpAttribute["value"]): OpAttribute => ({ name, type, value });
  return {
    type: (name: string, dtype: DataType = "float32") =>
      of(name, binding.TF_ATTR_TYPE, dtype === "int32" ? binding.TF_INT32 : binding.TF_FLOAT),
    integers: (name: string, value: number[]) => of(name, binding.TF_ATTR_INT, value),
    integer: (name: string, value: number) => of(name, binding.TF_ATTR_INT, value),
    float: (name: string, value: number) => of(name, binding.TF_ATTR_FLOAT, value),
    boolean: (name: string, value: boolean) => of(name, binding.TF_ATTR_BOOL, value),
    string: (name: string, value: string) => of(name, binding.TF_ATTR_STRING, value),
  };
}
