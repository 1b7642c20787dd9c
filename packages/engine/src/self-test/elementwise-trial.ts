import type { TrialBuilder } from "./trial-builder.ts";
import {
  ACTIVATIONS,
  CHANNELS,
  HEIGHT,
  IMAGE_BYTES,
  IMAGES,
  LINES,
  lines,
  PANELS,
  ROW_BYTES,
  WIDTH,
} from "./trial-shapes.ts";

export function emitElementwise(trial: TrialBuilder): void {
  trial.call("padInput", LINES, {
    source: trial.operand(),
    target: trial.result(ACTIVATIONS),
    imageBytes: IMAGE_BYTES,
    rowBytes: ROW_BYTES,
    height: HEIGHT,
    lineBytes: ROW_BYTES - 4,
  });
  trial.call("averagePool", IMAGES * PANELS, {
    ...lines,
    input: trial.operand(),
    output: trial.result(IMAGES * CHANNELS),
  });
  trial.call("averagePoolGradient", LINES, {
    gradient: trial.operand(),
    height: HEIGHT,
    width: WIDTH,
    channels: CHANNELS,
    output: trial.result(ACTIVATIONS),
  });
  trial.call("columnSums", PANELS, {
    input: trial.operand(),
    rows: 5,
    channels: CHANNELS,
    output: trial.result(CHANNELS),
  });
  trial.call("arrangeRows", 3, {
    source: trial.operand(),
    rowBytes: 37 * 4,
    firstRow: 1,
    rows: 4,
    inputs: 3,
    pieces: trial.integers([0, 16, 0, 16, 16, 6 * 16, 32, 5, 12 * 16]),
    target: trial.result(18 * 16),
    tapBytes: 64,
    inputBytes: 2 * 64,
    special: trial.result(3 * 16),
  });
  trial.call("reluGradient", PANELS, { gradient: trial.result(CHANNELS), y: trial.operand(3) });
  trial.call("clearBetweenGroups", PANELS, {
    gradient: trial.result(16 * CHANNELS),
    panelBytes: 16 * 64,
    channelBytes: 64,
    tapBytes: 16 * 64,
    channels: 16,
    tapCount: 1,
    panelsPerGroup: 1,
    inputs: 8,
    outputs: 8,
  });
}
