// Which function runs an operation.

import { arrangeRows } from "./arrange";
import {
  batchNormBackward,
  batchNormBackwardInput,
  batchNormBackwardSums,
  batchNormForward,
  batchNormInference,
  batchNormSums,
  combine,
} from "./batch-norm";
import { convolve, kernelGradient } from "./convolution";
import {
  averagePool,
  averagePoolGradient,
  clearBetweenGroups,
  columnSums,
  padInput,
  sgd,
  transposeWeights,
} from "./elementwise";
import { gate, gateInputGradient, gateScaleGradient, reluGradient, sigmoid } from "./gate";
import {
  Adamw,
  ArrangeRows,
  AveragePool,
  AveragePoolGradient,
  BatchNormBackward,
  BatchNormBackwardInput,
  BatchNormBackwardSums,
  BatchNormForward,
  BatchNormInference,
  BatchNormSums,
  Blend,
  Call,
  ClearBetweenGroups,
  ColumnSums,
  Combine,
  Convolve,
  CustomL2,
  Gate,
  GateInputGradient,
  GateScaleGradient,
  KernelGradient,
  Operation,
  PadInput,
  ReluGradient,
  Sgd,
  Sigmoid,
  SquaredSums,
  TransposeWeights,
  Winograd,
  WinogradGradient,
  WinogradInput,
  WinogradKernelGradient,
  WinogradWeights,
} from "./generated";
import { adamw, blend, customL2, squaredSums } from "./optimizer";
import { winograd, winogradGradient, winogradInput, winogradKernelGradient, winogradWeights } from "./winograd";

/** Runs units [start, end) of a call; `scratch` is the thread's own. */
export function runUnits(call: i32, start: i32, end: i32, scratch: i32): void {
  switch (changetype<Call>(call).operation) {
    case Operation.padInput:
      padInput(changetype<PadInput>(call), start, end);
      break;
    case Operation.convolve:
      convolve(changetype<Convolve>(call), start, end);
      break;
    case Operation.transposeWeights:
      transposeWeights(changetype<TransposeWeights>(call), start, end);
      break;
    case Operation.winogradInput:
      winogradInput(changetype<WinogradInput>(call), start, end, scratch);
      break;
    case Operation.winogradWeights:
      winogradWeights(changetype<WinogradWeights>(call), start, end);
      break;
    case Operation.winograd:
      winograd(changetype<Winograd>(call), start, end, scratch);
      break;
    case Operation.winogradGradient:
      winogradGradient(changetype<WinogradGradient>(call), start, end, scratch);
      break;
    case Operation.winogradKernelGradient:
      winogradKernelGradient(changetype<WinogradKernelGradient>(call), start, end, scratch);
      break;
    case Operation.kernelGradient:
      kernelGradient(changetype<KernelGradient>(call), start, end, scratch);
      break;
    case Operation.batchNormSums:
      batchNormSums(changetype<BatchNormSums>(call), start, end);
      break;
    case Operation.batchNormForward:
      batchNormForward(changetype<BatchNormForward>(call), start, end);
      break;
    case Operation.batchNormInference:
      batchNormInference(changetype<BatchNormInference>(call), start, end);
      break;
    case Operation.combine:
      combine(changetype<Combine>(call), start, end);
      break;
    case Operation.batchNormBackwardSums:
      batchNormBackwardSums(changetype<BatchNormBackwardSums>(call), start, end);
      break;
    case Operation.batchNormBackward:
      batchNormBackward(changetype<BatchNormBackward>(call), start, end);
      break;
    case Operation.batchNormBackwardInput:
      batchNormBackwardInput(changetype<BatchNormBackwardInput>(call), start, end);
      break;
    case Operation.averagePool:
      averagePool(changetype<AveragePool>(call), start, end);
      break;
    case Operation.averagePoolGradient:
      averagePoolGradient(changetype<AveragePoolGradient>(call), start, end);
      break;
    case Operation.clearBetweenGroups:
      clearBetweenGroups(changetype<ClearBetweenGroups>(call), start, end);
      break;
    case Operation.arrangeRows:
      arrangeRows(changetype<ArrangeRows>(call), start, end);
      break;
    case Operation.sigmoid:
      sigmoid(changetype<Sigmoid>(call), start, end);
      break;
    case Operation.gate:
      gate(changetype<Gate>(call), start, end);
      break;
    case Operation.gateScaleGradient:
      gateScaleGradient(changetype<GateScaleGradient>(call), start, end);
      break;
    case Operation.gateInputGradient:
      gateInputGradient(changetype<GateInputGradient>(call), start, end);
      break;
    case Operation.reluGradient:
      reluGradient(changetype<ReluGradient>(call), start, end);
      break;
    case Operation.columnSums:
      columnSums(changetype<ColumnSums>(call), start, end);
      break;
    case Operation.sgd:
      sgd(changetype<Sgd>(call), start, end);
      break;
    case Operation.adamw:
      adamw(changetype<Adamw>(call), start, end);
      break;
    case Operation.blend:
      blend(changetype<Blend>(call), start, end);
      break;
    case Operation.customL2:
      customL2(changetype<CustomL2>(call), start, end);
      break;
    case Operation.squaredSums:
      squaredSums(changetype<SquaredSums>(call), start, end);
      break;
    default:
      unreachable();
  }
}
