import type { Tensor } from "@tensorflow/tfjs-core";
import { attributes, tensorflowBackend } from "./tensorflow-ops.ts";

/** The shared name by which TensorFlow makes a variable that lives as long as its handle (`ResourceHandle::ANONYMOUS_NAME`). */
const ANONYMOUS = "cd2c89b7-88b7-44c8-ad83-06c2a9158347";

/**
 * Puts a tensor's value into a variable of TensorFlow's own kind, whose operations change it in place.
 *
 * They do only while nobody else holds the value: the tensor loses it, and can only be disposed. Where other tensors share its data, all
 * keep it, and TensorFlow's first change makes a copy.
 *
 * @returns The variable's handle, for {@link takeFromVariable}.
 */
export function lendToVariable(tensor: Tensor): number {
  const backend = tensorflowBackend();
  const { binding } = backend;
  const make = attributes(binding);
  const type = make.type("dtype", tensor.dtype);
  const options = [
    make.shape("shape", tensor.shape),
    make.string("shared_name", ANONYMOUS),
    make.string("container", ""),
  ];
  const { id: variable } = binding.executeOp("VarHandleOp", [type, ...options], [], 1)[0]!;
  const [value] = backend.getInputTensorIds([tensor]);
  binding.executeOp("AssignVariableOp", [type], [variable, value!], 0);
  const data = backend.tensorMap.get(tensor.dataId);
  if (data.refCount === 1) {
    binding.deleteTensor(value!);
    data.id = -1;
  }
  return variable;
}

/** The value of a variable of float32 as a tensor, which the caller owns; the variable is gone. Nothing is copied. */
export function takeFromVariable(variable: number): Tensor {
  const backend = tensorflowBackend();
  const { binding } = backend;
  const value = binding.executeOp("ReadVariableOp", [attributes(binding).type("dtype")], [variable], 1)[0]!;
  binding.deleteTensor(variable);
  return backend.createOutputTensor(value);
}
