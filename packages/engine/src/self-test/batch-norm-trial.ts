import { floatBits } from "../program.ts";
import type { TrialBuilder } from "./trial-builder.ts";
import { positive } from "./trial-noise.ts";
import { ACTIVATIONS, CHANNELS, IMAGE_BYTES, LINES, lines, PANELS, ROW_BYTES, WIDTH } from "./trial-shapes.ts";

export function emitBatchNorm(trial: TrialBuilder): void {
  const parts = 2;
  const vector = () => trial.result(CHANNELS);
  const image = { imageBytes: IMAGE_BYTES, rowBytes: ROW_BYTES };
  const identity = (x2: number) => ({ x2, x2ImageBytes: IMAGE_BYTES, x2RowBytes: ROW_BYTES });
  const affine = () => ({
    gamma: trial.operand(1),
    beta: trial.operand(3),
    epsilon: floatBits(1e-5),
    scale: vector(),
    bias: vector(),
    accumulateBias: 1,
  });
  trial.call("batchNormSums", parts, {
    ...lines,
    x: trial.operand(),
    lines: LINES,
    parts,
    sums: trial.result(parts * 2 * CHANNELS),
  });
  trial.call("batchNormForward", PANELS, {
    ...affine(),
    x: trial.operand(),
    channels: CHANNELS,
    parts,
    sums: trial.constant(positive(parts * 2 * CHANNELS)),
    count: floatBits(LINES * WIDTH),
    momentum: floatBits(0.1),
    runningMean: vector(),
    runningVar: trial.positiveResult(CHANNELS),
    mean: vector(),
    invStd: vector(),
  });
  trial.call("batchNormInference", PANELS, {
    ...affine(),
    runningMean: trial.operand(5),
    runningVar: trial.constant(positive(CHANNELS)),
  });
  for (const x2 of [0, trial.operand(11)]) {
    const branches = { x0: trial.operand(), x1: trial.operand(5), ...identity(x2) };
    trial.call("combine", LINES, {
      ...lines,
      ...branches,
      y: trial.result(ACTIVATIONS),
      scale0: trial.operand(1),
      scale1: trial.operand(3),
      scale2: trial.operand(5),
      bias: trial.operand(7),
      relu: Number(x2 !== 0),
    });
    trial.call("batchNormBackwardSums", parts, {
      ...lines,
      ...branches,
      dy: trial.operand(13),
      y: trial.operand(17),
      mean0: trial.operand(1),
      mean1: trial.operand(3),
      mean2: trial.operand(5),
      lines: LINES,
      parts,
      sums: trial.result(parts * 4 * CHANNELS),
    });
    trial.call("batchNormBackwardInput", LINES, {
      ...lines,
      ...branches,
      dy: trial.operand(13),
      y: trial.operand(17),
      d0: trial.result(ACTIVATIONS),
      d0ImageBytes: image.imageBytes,
      d0RowBytes: image.rowBytes,
      d1: trial.result(ACTIVATIONS),
      d2: x2 && trial.result(ACTIVATIONS),
      coefficients0: trial.operand(1),
      coefficients1: trial.operand(9),
      coefficients2: trial.operand(21),
    });
  }
  trial.call("batchNormBackward", PANELS, {
    channels: CHANNELS,
    parts,
    sums: trial.operand(),
    branch: 1,
    count: floatBits(LINES * WIDTH),
    gamma: trial.operand(1),
    mean: trial.operand(3),
    invStd: trial.operand(5),
    gammaGradient: vector(),
    betaGradient: vector(),
    coefficients: trial.result(3 * CHANNELS),
  });
}
