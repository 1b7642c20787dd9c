import type { Tensor } from "@tensorflow/tfjs-core";
import { attributes, tensorflowBackend } from "./tensorflow-ops.ts";

/** The shared name by which TensorFlow makes a variable that lives as long as its handle (`ResourceHandle::ANONYMOUS_NAME`). */
const ANONYMOUS = "cd2c89b7-88b7-44c8-ad83-06c2a9158347";

/** Handles of variables of float32 and any shape, for one tensor at a time: making one takes longer than a small update. */
const variables: number[] = [];

/**
 * Puts a tensor's value into a variable of TensorFlow's own kind, whose operations change it in place.
 *
 * They do only while nobody else holds the value: the tensor loses it, and can only be disposed. Where other tensors share its data, all
 * keep it, and TensorFlow's first change makes a copy.
 *
 * @param tensor Of float32.
 * @param place Which variable, from 0; one update needs two or three.
 * @returns The variable's handle, for operations and {@link takeFromVariable}.
 */
export function lendToVariable(tensor: Tensor, place: number): number {
  const backend = tensorflowBackend();
  const { binding } = backend;
  variables[place] ??= makeVariable();
  const variable = variables[place];
  const [value] = backend.getInputTensorIds([tensor]);
  binding.executeOp("AssignVariableOp", [attributes(binding).type("dtype")], [variable, value!], 0);
  const data = backend.tensorMap.get(tensor.dataId);
  if (data.refCount === 1) {
    binding.deleteTensor(value!);
    data.id = -1;
  }
  return variable;
}

function makeVariable(): number {
  const { binding } = tensorflowBackend();
  const make = attributes(binding);
  const options = [
    make.type("dtype"),
    make.shape("shape", []), // a note only: what is assigned may have any
    make.string("shared_name", ANONYMOUS),
    make.string("container", ""),
  ];
  return binding.executeOp("VarHandleOp", options, [], 1)[0]!.id;
}

/** The value of a variable as a tensor, which the caller owns. Nothing is copied; the variable shares it until it is lent another. */
export function takeFromVariable(variable: number): Tensor {
  const backend = tensorflowBackend();
  const { binding } = backend;
  const value = binding.executeOp("ReadVariableOp", [attributes(binding).type("dtype")], [variable], 1)[0]!;
  return backend.createOutputTensor(value);
}
