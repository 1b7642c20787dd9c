import type { TrialBuilder } from "./trial-builder.ts";
import { CHANNELS, PANELS, PIXEL_BYTES } from "./trial-shapes.ts";

/** The register tile's rows, of which each number has a kernel of its own. */
const ROWS = [1, 2, 3, 4, 5, 6];

export function emitProducts(trial: TrialBuilder): void {
  const groups = { panels: PANELS, panelsPerGroup: 1, groupBytes: 64, splitPanels: 0 };
  for (const rows of ROWS) {
    for (const accumulate of [0, 1]) {
      trial.call("convolve", rows, {
        ...groups,
        input: trial.operand(),
        inputTable: trial.table(rows, 192),
        runFloats: 9,
        runs: 2,
        runTable: trial.table(2, 448),
        weights: trial.operand(3),
        bias: trial.operand(1),
        output: trial.result(rows * CHANNELS),
        outputTable: trial.table(rows, PIXEL_BYTES),
        rows,
        chunk: 66,
        accumulate,
        relu: rows & 1,
      });
    }
    trial.call("kernelGradient", rows, {
      ...groups,
      input: trial.operand(),
      inputTable: trial.table(7, 192),
      runFloats: rows,
      runs: 1,
      runTable: trial.table(1, 0),
      gradient: trial.operand(5),
      gradientTable: trial.table(7, PIXEL_BYTES),
      rows: 7,
      chunk: 4,
      target: trial.result(rows * CHANNELS),
    });
  }
  const taps = 2;
  trial.call("transposeWeights", 1, {
    source: trial.operand(),
    panelBytes: taps * 16 * 64,
    channelBytes: 64,
    tapBytes: 16 * 64,
    taps: trial.table(taps, 1),
    tapCount: taps,
    outputChannels: CHANNELS,
    panelsPerGroup: 1,
    target: trial.result(taps * 16 * CHANNELS),
    targetPanelBytes: taps * CHANNELS * 64,
    targetChannelBytes: 64,
    targetTapBytes: CHANNELS * 64,
  });
}
