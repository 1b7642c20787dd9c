import { RepvggError } from "@repvgg/core";
import { backend, type DataId, type DataType, type Tensor, type TensorInfo } from "@tensorflow/tfjs-core";

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
  /** @param inputs Handles. */
  executeOp(name: string, attributes: OpAttribute[], inputs: readonly number[], outputs: number): TensorHandle[];
  /** Gives a handle back. */
  deleteTensor(handle: number): void;
}

/** A tensor of TensorFlow's, as the addon hands it out. */
export interface TensorHandle {
  readonly id: number;
}

/** What tfjs-node knows of a tensor's data. */
interface TensorData {
  /** The handle; -1: there is none. */
  id: number;
  /** How many tensors share it. */
  readonly refCount: number;
}

/** What is used of tfjs-node's backend: TensorFlow's operations by name. */
export interface TensorflowBackend {
  readonly binding: TensorflowBinding;
  readonly isUsingGpuDevice: boolean;
  executeSingleOutput(name: string, attributes: OpAttribute[], inputs: readonly Tensor[]): Tensor;
  readonly tensorMap: { get(dataId: DataId): TensorData };
  /** Handles of tensors, whose data is moved to TensorFlow now if it was not. */
  getInputTensorIds(tensors: readonly TensorInfo[]): number[];
  /** A tensor that owns the handle. */
  createOutputTensor(handle: TensorHandle): Tensor;
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
    shape: (name: string, value: number[]) => of(name, binding.TF_ATTR_SHAPE, value),
    integers: (name: string, value: number[]) => of(name, binding.TF_ATTR_INT, value),
    integer: (name: string, value: number) => of(name, binding.TF_ATTR_INT, value),
    float: (name: string, value: number) => of(name, binding.TF_ATTR_FLOAT, value),
    boolean: (name: string, value: boolean) => of(name, binding.TF_ATTR_BOOL, value),
    string: (name: string, value: string) => of(name, binding.TF_ATTR_STRING, value),
  };
}
