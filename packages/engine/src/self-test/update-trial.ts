import { floatBits } from "../program.ts";
import type { TrialBuilder } from "./trial-builder.ts";
import { positive } from "./trial-noise.ts";
import { CHANNELS, PANELS } from "./trial-shapes.ts";

export function emitUpdates(trial: TrialBuilder): void {
  for (const nesterov of [0, 1]) {
    trial.call("sgd", PANELS, {
      parameters: trial.result(CHANNELS),
      gradients: trial.operand(),
      velocity: trial.result(CHANNELS),
      settings: trial.constant([0.1, 0.9, 1e-4, 0.5, nesterov]),
    });
  }
  trial.call("adamw", PANELS, {
    parameters: trial.result(CHANNELS),
    gradients: trial.operand(),
    first: trial.result(CHANNELS),
    second: trial.positiveResult(CHANNELS),
    settings: trial.constant([0.5, 0.9, 0.1, 0.999, 0.001, 0.999, 0.01, 1.5, 0.25]),
  });
  trial.call("blend", PANELS, {
    source: trial.operand(),
    target: trial.result(CHANNELS),
    settings: trial.constant([0.9, 0.1]),
  });
  const kernels = trial.operand();
  trial.call("customL2", 1, {
    dense: kernels,
    pointwise: kernels + 9 * 64,
    gradientOffset: trial.result(10 * 16) - kernels,
    channels: 1,
    channelBytes: 64,
    tapBytes: 64,
    gamma3: trial.operand(1),
    runningVar3: trial.constant(positive(16)),
    gamma1: trial.operand(3),
    runningVar1: trial.constant(positive(16)),
    epsilon: floatBits(1e-5),
    settings: trial.constant([1e-2]),
  });
  trial.call("squaredSums", 2, { input: trial.operand(), panels: 5, chunk: 3, sums: trial.result(4) });
}
