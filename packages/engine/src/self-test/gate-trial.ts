import type { TrialBuilder } from "./trial-builder.ts";
import { ACTIVATIONS, CHANNELS, IMAGE_BYTES, IMAGES, LINES, lines, PANELS, ROW_BYTES } from "./trial-shapes.ts";

export function emitGate(trial: TrialBuilder): void {
  trial.call("sigmoid", PANELS, { x: trial.operand(), y: trial.result(CHANNELS) });
  trial.call("gate", LINES, {
    ...lines,
    x: trial.operand(),
    xImageBytes: IMAGE_BYTES,
    xRowBytes: ROW_BYTES,
    scale: trial.operand(3),
    y: trial.result(ACTIVATIONS),
  });
  trial.call("gateScaleGradient", IMAGES * PANELS, {
    ...lines,
    dy: trial.operand(),
    x: trial.operand(3),
    scale: trial.operand(5),
    output: trial.result(IMAGES * CHANNELS),
  });
  trial.call("gateInputGradient", LINES, {
    ...lines,
    dy: trial.result(ACTIVATIONS),
    x: trial.operand(3),
    scale: trial.operand(5),
    pooled: trial.operand(7),
  });
}
